-- title: Documents and bytes in and kept, by source (NULL: no source).
SELECT d.source, count(*) AS documents,
       count(*) FILTER (x.action = 'keep') AS kept,
       count(*) FILTER (x.action = 'remove') AS removed,
       count(*) FILTER (x.action = 'error') AS errored,
       round(count(*) FILTER (x.action = 'keep') / count(*), 4) AS kept_fraction,
       coalesce(sum(d.bytes), 0)::BIGINT AS bytes_in,
       coalesce(sum(d.bytes) FILTER (x.action = 'keep'), 0)::BIGINT AS bytes_kept
FROM files.documents d JOIN files.decisions x USING (part, row)
GROUP BY d.source
ORDER BY documents DESC, d.source
