-- title: The pairs behind cross_source_duplicates: each document removed for a keeper in another source.
-- param limit = 100: how many documents at most
SELECT hex_id(x.doc_id) AS doc_id, d.id, d.source, x.step, hex_id(x.keeper) AS keeper,
       k.id AS keeper_id, k.source AS keeper_source,
       list_filter(x.reasons, lambda r: r.step = x.step AND r.bound = 'jaccard')[1].value AS jaccard
FROM files.decisions x
JOIN files.documents d USING (part, row)
JOIN files.documents k ON k.doc_id = x.keeper
WHERE x.action = 'remove' AND d.source IS DISTINCT FROM k.source
ORDER BY d.source, k.source, x.step, x.doc_id
LIMIT $limit
