-- title: Documents by crossed bound; `alone` counts those no other bound of that step would have removed.
WITH crossed AS (
    SELECT *, count(*) FILTER (decisive) OVER (PARTITION BY doc_id) AS decisive_bounds
    FROM reasons
)
SELECT step, rule, bound, count(*) AS documents,
       count(*) FILTER (decisive) AS removed,
       count(*) FILTER (decisive AND decisive_bounds = 1) AS alone,
       count(*) FILTER (annotation) AS annotated
FROM crossed
GROUP BY step, rule, bound
ORDER BY (SELECT position FROM steps WHERE steps.name = crossed.step), documents DESC, rule, bound
