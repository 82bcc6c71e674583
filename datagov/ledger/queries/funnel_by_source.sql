-- title: What each step left of each source and of all, in documents, bytes, characters and tokens, and as shares of the input.
-- param tokens = none: STEP/SIGNAL with the tokens of each document, see the family tokens
-- param source = every: one source; all for the sum of them

-- Bytes are of the input text of the documents that are left; characters are of their texts as they stand after the
-- step, so that edits count; tokens are of the texts as they stand at the step that counted them.
WITH place AS (
    SELECT 0 AS position, 'input' AS step UNION ALL SELECT position, name FROM steps
),
counted AS (
    SELECT part, row, value FROM signals
    WHERE step = split_part($tokens, '/', 1) AND signal = split_part($tokens, '/', -1)
),
document AS (
    SELECT d.part, d.row, d.source, d.bytes, d.chars, c.value AS tokens,
           CASE x.action WHEN 'keep' THEN 1e9 WHEN 'remove' THEN s.position ELSE -1 END AS gone
    FROM files.documents d JOIN files.decisions x USING (part, row)
    LEFT JOIN steps s ON s.name = x.step
    LEFT JOIN counted c USING (part, row)
),
fallen AS (
    SELECT source, gone, count(*) AS documents, sum(bytes) AS bytes, sum(chars) AS chars, sum(tokens) AS tokens
    FROM document GROUP BY source, gone
),
shortened AS (
    SELECT d.source, d.gone, e.position, sum(e.chars_after - e.chars_before) AS chars
    FROM edits e JOIN document d USING (part, row) WHERE e.changed GROUP BY d.source, d.gone, e.position
),
edited AS (
    SELECT p.position, s.source, sum(s.chars) AS chars
    FROM place p JOIN shortened s ON s.position <= p.position AND s.gone > p.position
    GROUP BY p.position, s.source
),
left_over AS (
    SELECT p.position, p.step, f.source, sum(f.documents) FILTER (f.gone > p.position) AS documents,
           sum(f.bytes) FILTER (f.gone > p.position) AS bytes, sum(f.chars) FILTER (f.gone > p.position) AS chars,
           sum(f.tokens) FILTER (f.gone > p.position) AS tokens
    FROM place p CROSS JOIN fallen f GROUP BY ALL
),
each_source AS (
    SELECT l.position, l.step, l.source, l.documents, l.bytes, coalesce(l.chars, 0) + coalesce(e.chars, 0) AS chars, l.tokens
    FROM left_over l LEFT JOIN edited e ON e.position = l.position AND e.source IS NOT DISTINCT FROM l.source
),
every AS (
    SELECT position, step, source, false AS summed, documents, bytes, chars, tokens FROM each_source
    UNION ALL
    SELECT position, step, 'all', true, sum(documents), sum(bytes), sum(chars), sum(tokens) FROM each_source
    GROUP BY position, step
)
SELECT source, position, step, coalesce(documents, 0)::BIGINT AS documents, coalesce(bytes, 0)::BIGINT AS bytes,
       coalesce(chars, 0)::BIGINT AS chars, tokens::BIGINT AS tokens,
       round(coalesce(documents, 0) / nullif(first_value(documents) OVER steps_of, 0), 4) AS documents_fraction,
       round(coalesce(bytes, 0) / nullif(first_value(bytes) OVER steps_of, 0), 4) AS bytes_fraction,
       round(coalesce(chars, 0) / nullif(first_value(chars) OVER steps_of, 0), 4) AS chars_fraction,
       round(tokens / nullif(first_value(tokens) OVER steps_of, 0), 4) AS tokens_fraction
FROM every
WHERE $source = 'every' OR ($source = 'all' AND summed) OR (source = $source AND NOT summed)
WINDOW steps_of AS (PARTITION BY summed, source ORDER BY position)
ORDER BY summed, source, position
