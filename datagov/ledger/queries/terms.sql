-- title: What terms of lexicons were found, by step, most documents first: their category, weight, documents and occurrences. A document's spans are kept up to a number.
-- param limit = 100: how many terms at most
SELECT s.step, s.rule, s.term, t.text, t.weight, count(DISTINCT s.doc_id) AS documents, count(*) AS occurrences
FROM spans s JOIN (SELECT DISTINCT step, term, text, weight FROM terms) t USING (step, term)
GROUP BY ALL
ORDER BY documents DESC, occurrences DESC, s.step, s.rule, s.term
LIMIT $limit
