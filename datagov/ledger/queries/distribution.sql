-- title: Quantiles of one signal over the documents its step measured, and how many lie outside its bounds.
-- param signal: STEP/SIGNAL
-- known signal: SELECT DISTINCT step || '/' || signal FROM signals

-- Where a quantile gave each source a limit of its own, documents are counted by theirs, and the bound is left empty.
WITH chosen AS (
    SELECT part, row, value FROM signals
    WHERE step = split_part($signal, '/', 1) AND signal = split_part($signal, '/', -1)
),
spoken_of AS (SELECT part, row, true AS applied FROM applied WHERE step = split_part($signal, '/', 1)),
limits AS (
    SELECT taken_by, stratum, max(bound_limit) FILTER (bound = 'min') AS low,
           min(bound_limit) FILTER (bound = 'max') AS high
    FROM bound_limits
    WHERE step = split_part($signal, '/', 1) AND signal = split_part($signal, '/', -1)
    GROUP BY ALL
),
common AS (SELECT max(low) AS low, min(high) AS high FROM limits WHERE taken_by IS NULL),
summary AS (
    SELECT count(*) AS documents, count(*) FILTER (x.action = 'error') AS set_aside,
           count(*) FILTER (applied IS NULL AND x.action <> 'error') AS not_applied,
           count(*) FILTER (applied AND value IS NULL) AS undefined,
           count(*) FILTER (value < coalesce(own.low, common.low)) AS below,
           count(*) FILTER (value > coalesce(own.high, common.high)) AS above,
           any_value(common.low) AS low, any_value(common.high) AS high, avg(value) AS mean,
           quantile_disc(value, [0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1]) AS q
    FROM chosen JOIN files.decisions x USING (part, row) JOIN files.documents d USING (part, row)
    LEFT JOIN spoken_of USING (part, row) CROSS JOIN common
    LEFT JOIN limits own ON own.taken_by = 'source' AND own.stratum IS NOT DISTINCT FROM d.source
)
SELECT unnest(['documents', 'set aside', 'not applied', 'undefined', 'minimum bound', 'below minimum',
               'maximum bound', 'above maximum', 'mean', 'smallest', '1 %', '5 %', '10 %', '25 %', 'median',
               '75 %', '90 %', '95 %', '99 %', 'largest']) AS statistic,
       unnest([documents, set_aside, not_applied, undefined, low, below, high, above, mean,
               q[1], q[2], q[3], q[4], q[5], q[6], q[7], q[8], q[9], q[10], q[11]]::DOUBLE[]) AS value
FROM summary
WHERE documents > 0
