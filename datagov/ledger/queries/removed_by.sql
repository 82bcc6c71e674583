-- title: Documents a rule or a step removed, with values and bounds, or the keeper of a duplicate, in order of doc_id.
-- param rule: RULE, STEP or STEP/RULE
-- param limit = 100: how many documents at most
-- known rule: SELECT name FROM steps UNION SELECT rule FROM reasons WHERE decisive UNION SELECT step || '/' || rule FROM reasons WHERE decisive UNION SELECT signal FROM bounds UNION SELECT step || '/' || signal FROM bounds
SELECT r.doc_id, d.id, d.source, r.step, r.rule, r.value, r.bound, r.bound_limit, r.keeper, d.shard, d.shard_row
FROM reasons r JOIN documents d USING (part, row)
WHERE r.decisive AND ($rule = r.step OR is_rule(r.step, r.rule, $rule))
ORDER BY r.doc_id, r.rule, r.bound
LIMIT $limit
