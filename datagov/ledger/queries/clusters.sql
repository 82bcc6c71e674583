-- title: The largest groups of documents removed as duplicates of one keeper.
-- param limit = 50: how many keepers at most
SELECT x.step, hex_id(x.keeper) AS keeper, any_value(k.id) AS keeper_id,
       any_value(k.source) AS keeper_source, any_value(kx.action) AS keeper_action,
       any_value(kx.step) AS keeper_removed_at, count(*) AS removed,
       max(x.cluster_size) AS cluster_size, count(*) FILTER (x.orphaned) AS orphaned
FROM files.decisions x
JOIN files.documents k ON k.doc_id = x.keeper
JOIN files.decisions kx ON kx.doc_id = x.keeper
WHERE x.action = 'remove' AND x.keeper IS NOT NULL
GROUP BY x.step, x.keeper
ORDER BY removed DESC, keeper, x.step
LIMIT $limit
