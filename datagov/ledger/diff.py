"""What changed between two runs: recipe, input, counts, and which documents' verdicts flipped."""
# ruff: noqa: S608 - the statements are made of constants of this module

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from datagov.ledger.console import fetch, lock, new_connection
from datagov.ledger.views import create_file_views

if TYPE_CHECKING:
    import duckdb

    from datagov.ledger.reader import Ledger

__all__ = ["changed_settings", "diff"]

# `rules` names the bounds that removed the document, so that flips with the same cause count together.
VERDICTS = """
SELECT x.doc_id, d.content_id, d.id, d.source, d.shard, d.shard_row, x.action, x.step,
       list_sort(list_distinct(list_transform(
           list_filter(x.reasons, lambda r: r.step = x.step AND NOT r.annotation),
           lambda r: r.rule || ' ' || coalesce(r.bound, '')))) AS rules,
       array_to_string(rules, ', ') AS because
FROM {side}.decisions x JOIN {side}.documents d USING (part, row)
"""
JOINED = f"""
CREATE TEMP TABLE compared AS
SELECT coalesce(a.doc_id, b.doc_id) AS doc_id, coalesce(b.id, a.id) AS id, coalesce(b.source, a.source) AS source,
       coalesce(b.shard, a.shard) AS shard, coalesce(b.shard_row, a.shard_row) AS shard_row,
       a.action AS action_a, a.step AS step_a, a.because AS because_a, a.rules AS rules_a,
       b.action AS action_b, b.step AS step_b, b.because AS because_b, b.rules AS rules_b,
       a.doc_id IS NOT NULL AND b.doc_id IS NOT NULL AND a.content_id IS DISTINCT FROM b.content_id AS text_changed
FROM ({VERDICTS.format(side="a")}) a FULL JOIN ({VERDICTS.format(side="b")}) b ON a.doc_id = b.doc_id
"""
MOVED = "(action_a, step_a, because_a) IS DISTINCT FROM (action_b, step_b, because_b)"
TOTALS = """
SELECT count(*) FILTER (action_a IS NOT NULL AND action_b IS NOT NULL) AS in_both,
       count(*) FILTER (action_b IS NULL) AS only_in_a, count(*) FILTER (action_a IS NULL) AS only_in_b,
       count(*) FILTER (text_changed) AS text_changed,
       count(*) FILTER (action_a <> action_b) AS flipped,
       count(*) FILTER (action_a = action_b AND (step_a, because_a) IS DISTINCT FROM (step_b, because_b))
           AS other_reasons
FROM compared
"""
DIRECTIONS = """
SELECT * FROM (
    SELECT action_a, action_b, count(*) AS documents FROM compared WHERE action_a <> action_b GROUP BY ALL
)
ORDER BY (action_a = 'keep' AND action_b = 'remove') DESC, (action_a = 'remove' AND action_b = 'keep') DESC,
         action_a, action_b
"""
# The step and bounds of the run that removed the document decide; NULL where neither did.
FLIPS = """
WITH flipped AS (
    SELECT action_a, action_b, source, coalesce(step_b, step_a) AS step,
           unnest(CASE WHEN len(deciding) > 0 THEN deciding ELSE [NULL::VARCHAR] END) AS rule
    FROM (SELECT *, CASE action_b WHEN 'remove' THEN rules_b ELSE rules_a END AS deciding
          FROM compared WHERE action_a <> action_b)
),
by_source AS (SELECT *, count(*) AS documents FROM flipped GROUP BY ALL)
SELECT action_a, action_b, step, rule, sum(documents)::BIGINT AS documents, count(*) AS source_count,
       list({'source': source, 'documents': documents} ORDER BY documents DESC, source)[:$sources] AS sources
FROM by_source GROUP BY action_a, action_b, step, rule
ORDER BY documents DESC, step, rule
"""
SOURCES = 3
"""Most sources told for one bound."""
GROUPS = f"""
SELECT action_a, step_a, because_a, action_b, step_b, because_b, count(*) AS documents
FROM compared WHERE {MOVED}
GROUP BY ALL
ORDER BY documents DESC, action_a, step_a, because_a, action_b, step_b, because_b
"""
EXAMPLES = """
SELECT doc_id, id, source, shard, shard_row, action_a, step_a, because_a, action_b, step_b, because_b
FROM compared WHERE action_a IS DISTINCT FROM action_b
ORDER BY doc_id LIMIT $n
"""


def diff(a: Ledger, b: Ledger, *, examples: int = 20) -> dict[str, Any]:
    """Compare two runs, of one output folder or of two.

    Parameters
    ----------
    a, b : Ledger
        The runs; what changed is told as from `a` to `b`.
    examples : int
        How many documents whose action changed are listed, in order of doc_id.

    Returns
    -------
    dict
        `a`, `b`: run, recipe and code of each side. `recipe`, `input`: changed settings as path, a, b.
        `counts`: name -> [a, b]. `documents`: how many are in both, only in one, have another text,
        flipped (another action), or have the same action for other_reasons. `flips`: for each pair of
        actions how many documents, and by_rule: the deciding step and bound, how many documents, in
        how many sources and which have most; a document counts at each bound it crossed. `changes`: how many documents went from one (action, step, because) to
        another; NULL action: not in that run. `examples`: documents whose action changed.
    """
    con = new_connection()
    files = create_file_views(con, a, schema="a") + create_file_views(con, b, schema="b")
    lock(con, files)
    con.execute(JOINED)
    counts_a, counts_b = a.manifest["counts"], b.manifest["counts"]
    return {
        "a": side(a),
        "b": side(b),
        "recipe": changed_settings(a.manifest["recipe"], b.manifest["recipe"]),
        "input": changed_settings(a.manifest["input"], b.manifest["input"]),
        "counts": {name: [counts_a.get(name), counts_b.get(name)] for name in {**counts_a, **counts_b}},
        "documents": fetch(con, TOTALS).records()[0],
        "flips": flips(con),
        "changes": fetch(con, GROUPS).records(),
        "examples": fetch(con, EXAMPLES, params={"n": examples}).records(),
    }


def side(ledger: Ledger) -> dict[str, Any]:
    """Return what names one side of a comparison."""
    named = {key: ledger.manifest.get(key) for key in ("dataset", "run_id", "recipe_digest", "code_version")}
    return {"output": str(ledger.root), **named}


def flips(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the documents whose action changed, by direction, then by deciding step and bound."""
    lines = fetch(con, FLIPS, params={"sources": SOURCES}).records()
    return [
        {
            **direction,
            "by_rule": [
                {key: value for key, value in line.items() if key not in ("action_a", "action_b")}
                for line in lines
                if (line["action_a"], line["action_b"]) == (direction["action_a"], direction["action_b"])
            ],
        }
        for direction in fetch(con, DIRECTIONS).records()
    ]


def changed_settings(a: Any, b: Any) -> list[dict[str, Any]]:
    """Return the settings that differ: path, and the value on each side (None: absent).

    Items of a list that carry a `name` (steps) or a `signal` (bounds) are compared by it, so that one
    step more does not show all later ones as changed. A condition's parsed form says no more than its SQL.
    """
    return [
        {"path": path, "a": left, "b": right}
        for path, left, right in walk("", a, b)
        if path.rpartition(".")[2] != "tree"
    ]


def walk(path: str, a: Any, b: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, a, b) for every difference."""
    if a == b:
        return
    left, right = keyed(a), keyed(b)
    if left is None or right is None:
        yield path, a, b
        return
    if isinstance(a, list) and sorted(left) == sorted(right) and list(left) != list(right):
        yield f"{path} (order)".strip(), list(left), list(right)
    for key in {**left, **right}:
        yield from walk(f"{path}.{key}".lstrip("."), left.get(key), right.get(key))


def keyed(value: Any) -> Mapping[str, Any] | None:
    """Return a mapping, or a list of named items as a mapping by name; None for anything else."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        for key in ("name", "signal", "family"):
            names = [item.get(key) for item in value]
            if None not in names and len(set(names)) == len(names):
                return {str(name): item for name, item in zip(names, value, strict=True)}
    return None
