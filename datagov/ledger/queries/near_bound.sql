-- title: Documents whose value lies near a bound, nearest first: the ones to read before moving it.
-- param signal: STEP/SIGNAL of a signal with a bound
-- param margin = 0.1: how near, as a fraction of the bound
-- param limit = 100: how many documents at most
-- known signal: SELECT step || '/' || signal FROM bounds
WITH limits AS (
    SELECT bound, taken_by, stratum, bound_limit FROM bound_limits
    WHERE step = split_part($signal, '/', 1) AND signal = split_part($signal, '/', -1)
),
measured AS (
    SELECT part, row, value FROM signals
    WHERE step = split_part($signal, '/', 1) AND signal = split_part($signal, '/', -1)
)
SELECT hex_id(d.doc_id) AS doc_id, d.id, d.source, m.value, l.bound, l.bound_limit,
       CASE l.bound WHEN 'min' THEN m.value < l.bound_limit ELSE m.value > l.bound_limit END AS crossed,
       x.action, x.step AS removed_at, d.shard, d.shard_row
FROM measured m
JOIN files.documents d USING (part, row)
JOIN limits l ON abs(m.value - l.bound_limit) <= $margin * abs(l.bound_limit)
    AND (l.taken_by IS NULL OR l.stratum IS NOT DISTINCT FROM d.source)
JOIN files.decisions x USING (part, row)
ORDER BY abs(m.value - l.bound_limit) / nullif(abs(l.bound_limit), 0) NULLS FIRST, d.doc_id, l.bound
LIMIT $limit
