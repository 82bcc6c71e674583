-- title: What each step was given, removed and kept, in documents and bytes of input text.
WITH removed AS (
    SELECT x.step, sum(d.bytes) AS bytes
    FROM files.decisions x JOIN files.documents d USING (part, row)
    WHERE x.action = 'remove'
    GROUP BY x.step
)
SELECT 0 AS position, 'input' AS step, 'input' AS kind, documents_in, errored, 0 AS removed,
       documents_in - errored AS kept, 0 AS annotated, 0 AS not_compared,
       round((documents_in - errored) / nullif(documents_in, 0), 4) AS kept_fraction,
       0::BIGINT AS removed_bytes
FROM counts
UNION ALL
SELECT position, name, kind, documents_in, 0, steps.removed, kept, annotated, coalesce(not_compared, 0),
       round(kept / nullif(documents_in, 0), 4), coalesce(removed.bytes, 0)::BIGINT
FROM steps LEFT JOIN removed ON removed.step = steps.name
ORDER BY position
