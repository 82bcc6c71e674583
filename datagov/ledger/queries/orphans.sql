-- title: Duplicates whose keeper was itself removed later, for another reason: nothing of them is kept.
-- param limit = 100: how many documents at most
SELECT hex_id(x.doc_id) AS doc_id, d.id, d.source, x.step, hex_id(x.keeper) AS keeper,
       k.step AS keeper_removed_at
FROM files.decisions x
JOIN files.documents d USING (part, row)
LEFT JOIN files.decisions k ON k.doc_id = x.keeper
WHERE x.orphaned
ORDER BY x.doc_id
LIMIT $limit
