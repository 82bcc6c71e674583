-- title: What the quantile bounds of each step came to, and of how many documents they were taken.
SELECT step, signal, bound, quantile, taken_by, stratum, bound_limit, documents
FROM limits
ORDER BY (SELECT position FROM steps WHERE steps.name = limits.step), signal, bound, stratum NULLS FIRST
