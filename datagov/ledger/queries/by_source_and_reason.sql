-- title: Which bounds the documents of each source crossed, and how many were removed there.
-- param limit = 1000: how many lines at most
SELECT d.source, r.step, r.rule, r.bound, count(DISTINCT r.doc_id) AS documents,
       count(DISTINCT r.doc_id) FILTER (r.decisive) AS removed,
       count(DISTINCT r.doc_id) FILTER (r.annotation) AS annotated
FROM reasons r JOIN files.documents d USING (part, row)
GROUP BY d.source, r.step, r.rule, r.bound
ORDER BY d.source, removed DESC, documents DESC, r.step, r.rule, r.bound
LIMIT $limit
