-- title: Which step removed how much of each source.
SELECT d.source, x.step, count(*) AS removed, coalesce(sum(d.bytes), 0)::BIGINT AS removed_bytes
FROM files.documents d JOIN files.decisions x USING (part, row)
WHERE x.action = 'remove'
GROUP BY d.source, x.step
ORDER BY d.source, removed DESC, x.step
