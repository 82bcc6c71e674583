-- title: Does the ledger add up? Exit code 1 if any line is not ok.
WITH decided AS (
    SELECT count(*) AS total, count(DISTINCT doc_id) AS different,
           count(*) FILTER (action = 'keep') AS kept,
           count(*) FILTER (action = 'remove') AS removed,
           count(*) FILTER (action = 'error') AS errored,
           count(*) FILTER (action NOT IN ('keep', 'remove', 'error')) AS other,
           count(*) FILTER (action = 'remove' AND step IS NULL) AS without_step,
           count(*) FILTER (action = 'remove' AND len(reasons) = 0) AS without_reason,
           count(*) FILTER (orphaned AND survivor IS NOT NULL) AS orphaned_with_survivor
    FROM files.decisions
),
listed AS (SELECT count(*) AS total, count(DISTINCT doc_id) AS different FROM files.documents),
joined AS (
    SELECT count(*) AS total FROM files.documents d JOIN files.decisions x USING (part, row)
    WHERE d.doc_id = x.doc_id
),
keepers AS (
    SELECT count(*) FILTER (k.doc_id IS NULL) AS unknown
    FROM files.decisions x LEFT JOIN files.decisions k ON k.doc_id = x.keeper
    WHERE x.keeper IS NOT NULL
),
survivors AS (
    SELECT count(*) FILTER (k.action IS DISTINCT FROM 'keep') AS not_kept
    FROM files.decisions x LEFT JOIN files.decisions k ON k.doc_id = x.survivor
    WHERE x.survivor IS NOT NULL
),
checks AS (
    SELECT unnest([
        {'name': 'documents listed = documents in', 'found': listed.total, 'expected': counts.documents_in},
        {'name': 'document ids are unique', 'found': listed.different, 'expected': listed.total},
        {'name': 'one decision a document', 'found': joined.total, 'expected': listed.total},
        {'name': 'decisions = documents', 'found': decided.total, 'expected': listed.total},
        {'name': 'kept', 'found': decided.kept, 'expected': counts.kept},
        {'name': 'removed', 'found': decided.removed, 'expected': counts.removed},
        {'name': 'set aside', 'found': decided.errored, 'expected': counts.errored},
        {'name': 'kept + removed + set aside = in', 'found': counts.kept + counts.removed + counts.errored, 'expected': counts.documents_in},
        {'name': 'unknown verdicts', 'found': decided.other, 'expected': 0},
        {'name': 'removed without a step', 'found': decided.without_step, 'expected': 0},
        {'name': 'removed without a reason', 'found': decided.without_reason, 'expected': 0},
        {'name': 'keepers that are no document', 'found': keepers.unknown, 'expected': 0},
        {'name': 'survivors that are not kept', 'found': survivors.not_kept, 'expected': 0},
        {'name': 'orphans with a survivor', 'found': decided.orphaned_with_survivor, 'expected': 0}
    ]) AS line
    FROM decided, listed, joined, keepers, survivors, counts
)
SELECT line.name AS line, line.found AS found, line.expected AS expected, line.found = line.expected AS ok
FROM checks
