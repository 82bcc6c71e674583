-- title: What edits removed or replaced, by step and rule: documents, stretches (most are lines) and characters. A line several rules name counts for each.
SELECT step, rule, count(DISTINCT doc_id) AS documents, count(*) AS stretches,
       sum(span_end - span_start)::BIGINT AS chars
FROM spans
WHERE step IN (SELECT name FROM steps WHERE kind <> 'filter')
GROUP BY step, rule
ORDER BY (SELECT position FROM steps WHERE steps.name = spans.step), chars DESC, rule
