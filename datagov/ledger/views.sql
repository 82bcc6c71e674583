-- The views people query. They stand on the views of schema `files`, one a table of the ledger,
-- made from the lists of files in the run's manifest. Document ids are shown as 32 hex digits.
-- No column has a name that SQL reserves, so none needs quotes.

CREATE MACRO hex_id(id) AS replace(id::VARCHAR, '-', '');

-- Whether a person who writes `name` means this rule: RULE, FAMILY/RULE or STEP/RULE.
CREATE MACRO is_rule(step, rule, name) AS
    name IN (rule, split_part(rule, '/', -1), step || '/' || rule, step || '/' || split_part(rule, '/', -1));

-- Jaccard expected of two documents whose one-byte signatures agree in `agreeing` of `total` rows:
-- rows that differ still agree in 1 of 256 cases.
CREATE MACRO estimated_jaccard(agreeing, total) AS
    greatest(0.0, (agreeing / total - 1 / 256) / (1 - 1 / 256));

-- The name that a label's number stands for, see datagov.labels.
CREATE MACRO label_text(code) AS
    array_to_string(list_transform(range(8), lambda i: substr(
        'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-',
        (code::BIGINT // (65 ** i)::BIGINT % 65)::INTEGER, 1)), '');

CREATE VIEW documents AS
SELECT hex_id(doc_id) AS doc_id, hex_id(content_id) AS content_id, id, source, url,
       shard, shard_row, bytes, chars, part, row
FROM files.documents;

CREATE VIEW decisions AS
SELECT hex_id(doc_id) AS doc_id, action, step, reasons,
       hex_id(keeper) AS keeper, hex_id(survivor) AS survivor, orphaned, cluster_size, part, row
FROM files.decisions;

-- One row a document and crossed bound. `decisive`: at the step that removed the document, and not
-- merely recorded there.
CREATE VIEW reasons AS
SELECT hex_id(doc_id) AS doc_id, action, reason.step AS step, reason.rule AS rule,
       reason.value AS value, reason.bound AS bound, reason."limit" AS bound_limit,
       reason.condition AS condition, reason.signals AS signals, reason.annotation AS annotation, lower(hex(reason.keeper)) AS keeper,
       action = 'remove' AND removed_at = reason.step AND NOT reason.annotation AS decisive,
       part, row
FROM (SELECT doc_id, action, step AS removed_at, unnest(reasons) AS reason, part, row FROM files.decisions);

CREATE VIEW errors AS
SELECT hex_id(doc_id) AS doc_id, shard, shard_row, reason, detail
FROM files.errors;

CREATE VIEW pieces AS
SELECT hex_id(doc_id) AS doc_id, hex_id(parent) AS parent, number, pieces, start_char, start_byte
FROM files.pieces;

CREATE VIEW pairs AS
SELECT step, hex_id(a) AS a, hex_id(b) AS b, shared_bands, agreeing_rows, signature_rows,
       estimated_jaccard(agreeing_rows, signature_rows) AS estimate,
       intersection, "union" AS union_size, intersection / "union" AS jaccard, verified
FROM files.pairs;

CREATE VIEW buckets AS SELECT step, key, part, row FROM files.buckets;

-- What the quantile bounds of a step came to; `stratum` is the source, where each has a limit of its own.
CREATE VIEW limits AS
SELECT step, signal, bound, quantile, "by" AS taken_by, stratum, "limit" AS bound_limit, documents
FROM files.limits;

-- Every limit of a bound; `bounds` has those that are one for all. `stratum` is the source, where each has a limit of its own.
CREATE VIEW bound_limits AS
SELECT step, signal, unnest(['min', 'max']) AS bound, NULL::VARCHAR AS taken_by, NULL::VARCHAR AS stratum,
       unnest([min, max]) AS bound_limit
FROM bounds
UNION ALL
SELECT step, signal, bound, taken_by, stratum, bound_limit FROM limits WHERE taken_by IS NOT NULL;

-- One row a line that is not blank and a rule of a family that measures lines; `line` counts from 0, positions as in `spans`.
CREATE VIEW line_values AS
SELECT step, hex_id(doc_id) AS doc_id, line, start AS line_start, "end" AS line_end, rule::VARCHAR AS rule,
    numerator / coalesce(nullif(denominator, 0), CASE WHEN denominator IS NULL THEN 1 END) AS value, numerator, denominator
FROM files.line_values;

CREATE VIEW templates AS SELECT step, key, members, split_into FROM files.templates;

-- One row a unit of text that span_dedup cut: how often it stood there, and where the one stands that stays (NULL: none).
CREATE VIEW repeats AS
SELECT step, hex_id(repeat.doc_id) AS doc_id, start AS span_start, "end" AS span_end,
       hex_id(holder.doc_id) AS keeper, keeper_start, copies
FROM files.repeats AS repeat
LEFT JOIN files.documents AS holder ON holder.part = repeat.keeper_part AND holder.row = repeat.keeper_row;

-- One row a stretch of text and a rule: what an edit removed or replaced, or what a family of a filter found. Positions
-- in code points of the text before the step, the last one exclusive; `term` is the id of a lexicon's term, see `terms`.
CREATE VIEW spans AS
SELECT step, hex_id(doc_id) AS doc_id, rule, start AS span_start, "end" AS span_end, term FROM files.spans;
