-- title: How many documents a bound at each value would remove, by source, with the documents next to it.
-- param signal: STEP/SIGNAL
-- param by = source: source, shard or all
-- param at = quantiles: quantiles and the step's own bounds, or values such as 10,20.5,30
-- known signal: SELECT DISTINCT step || '/' || signal FROM signals
-- known by: SELECT unnest(['source', 'shard', 'all'])

-- Among the documents that reach the step, whatever its other bounds say of them. `below` are those a
-- minimum at this value would remove, `above` those a maximum would; `kept_below` and `kept_above` are those
-- of them that the run kept. A limit of a source alone, by a quantile, stands at that source. The examples are the documents nearest to the value on either side of it.
WITH here AS (
    SELECT position FROM steps WHERE name = split_part($signal, '/', 1)
),
reached AS (
    SELECT s.value, x.action = 'keep' AS kept, hex_id(d.doc_id) AS doc_id,
           CASE $by WHEN 'source' THEN d.source WHEN 'shard' THEN d.shard WHEN 'all' THEN 'all' END AS grouped
    FROM signals s
    JOIN files.decisions x USING (part, row)
    JOIN files.documents d USING (part, row)
    LEFT JOIN steps fell ON fell.name = x.step
    WHERE s.step = split_part($signal, '/', 1) AND s.signal = split_part($signal, '/', -1)
      AND s.value IS NOT NULL AND $by IN ('source', 'shard', 'all')
      AND (x.action = 'keep' OR (x.action = 'remove' AND fell.position >= (SELECT position FROM here)))
),
shown AS (
    SELECT unnest(['smallest', '1 %', '5 %', '10 %', '25 %', 'median', '75 %', '90 %', '95 %', '99 %', 'largest']) AS point,
           unnest(quantile_disc(value, [0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1])) AS value,
           NULL AS taken_by, NULL AS stratum
    FROM reached WHERE $at = 'quantiles'
    UNION ALL
    SELECT CASE bound WHEN 'min' THEN 'minimum bound' ELSE 'maximum bound' END, bound_limit, taken_by, stratum FROM bound_limits
    WHERE $at = 'quantiles' AND (taken_by IS NULL OR taken_by = $by) AND step = split_part($signal, '/', 1) AND signal = split_part($signal, '/', -1)
    UNION ALL
    SELECT 'given', coalesce(TRY_CAST(trim(piece) AS DOUBLE),
                             error('parameter at=' || $at || ': expected quantiles, or numbers such as 10,20.5')),
           NULL, NULL
    FROM (SELECT unnest(string_split(CASE WHEN $at = 'quantiles' THEN NULL ELSE $at END, ',')) AS piece)
),
points AS (
    SELECT string_agg(point, ', ' ORDER BY point) AS point, value, taken_by, stratum
    FROM shown WHERE value IS NOT NULL GROUP BY value, taken_by, stratum
)
SELECT p.point, p.value, r.grouped, count(*) AS documents,
       count(*) FILTER (r.value < p.value) AS below,
       count(*) FILTER (r.value < p.value AND r.kept) AS kept_below,
       count(*) FILTER (r.value > p.value) AS above,
       count(*) FILTER (r.value > p.value AND r.kept) AS kept_above,
       arg_max(r.doc_id, (r.value, r.doc_id)) FILTER (r.value < p.value) AS example_below,
       max(r.value) FILTER (r.value < p.value) AS value_below,
       arg_min(r.doc_id, (r.value, r.doc_id)) FILTER (r.value > p.value) AS example_above,
       min(r.value) FILTER (r.value > p.value) AS value_above
FROM points p JOIN reached r ON p.taken_by IS NULL OR p.stratum IS NOT DISTINCT FROM r.grouped
GROUP BY p.point, p.value, r.grouped
ORDER BY p.value, r.grouped NULLS FIRST
