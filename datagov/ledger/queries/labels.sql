-- title: How many documents a step gave each label, such as each language, and what became of them; undefined where it gave none.
-- param signal = all: STEP/SIGNAL of a signal that is a label, or all
-- param limit = 100: how many labels at most
-- known signal: SELECT 'all' UNION SELECT DISTINCT step || '/' || signal FROM labels
SELECT l.step || '/' || l.signal AS signal, coalesce(l.label, 'undefined') AS label, count(*) AS documents,
       count(*) FILTER (x.action = 'keep') AS kept,
       count(*) FILTER (x.action = 'remove' AND x.step = l.step) AS removed_here,
       count(*) FILTER (x.action = 'remove' AND x.step <> l.step) AS removed_elsewhere
FROM labels l JOIN files.decisions x USING (part, row)
WHERE $signal IN ('all', l.step || '/' || l.signal)
GROUP BY ALL
ORDER BY signal, documents DESC, label
LIMIT $limit
