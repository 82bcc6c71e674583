-- title: Duplicates between sources: how many documents of one were removed for a keeper in another.
SELECT x.step, d.source AS removed_source, k.source AS keeper_source, count(*) AS removed
FROM files.decisions x
JOIN files.documents d USING (part, row)
JOIN files.documents k ON k.doc_id = x.keeper
WHERE x.action = 'remove' AND d.source IS DISTINCT FROM k.source
GROUP BY x.step, d.source, k.source
ORDER BY removed DESC, x.step, removed_source, keeper_source
