"""Where in a document something was removed or found, by the ledger's `spans`."""
# ruff: noqa: S608 - paths come from the manifest and are quoted

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from datagov.ledger.console import fetch
from datagov.ledger.quoting import literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from datagov.ledger.reader import Ledger

__all__ = ["found_spans", "removed_spans", "repeated_units"]


def removed_spans(
    con: duckdb.DuckDBPyConnection, ledger: Ledger, step: str, found: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the stretches an edit removed or replaced in this document, in order: start, end and rules of each."""
    sql = (
        f'SELECT start, "end", list(rule ORDER BY rule) AS rules FROM {spans_of(ledger, step, found)} '
        "WHERE doc_id = $id GROUP BY ALL ORDER BY ALL"
    )
    return fetch(con, sql, params={"id": found["doc_id"]}).records()


def found_spans(
    con: duckdb.DuckDBPyConnection, ledger: Ledger, step: str, found: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return what a filter's families found in this document and where: start, end, rule, the term's id, text and weight."""
    sql = (
        f'SELECT start, "end", rule, term FROM {spans_of(ledger, step, found)} WHERE doc_id = $id '
        'ORDER BY start, "end", rule'
    )
    meant = {term: (text, weight) for name, _, term, text, _, weight in ledger.terms() if name == step}
    spans = fetch(con, sql, params={"id": found["doc_id"]}).records()
    for span in spans:
        span["text"], span["weight"] = meant.get(span["term"], (None, None))
    return spans


def repeated_units(
    con: duckdb.DuckDBPyConnection, ledger: Ledger, step: str, found: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the units of this document that stand elsewhere too, as a count over the run found.

    For each its start and end, how many `copies` stood there, and where the one stands that stays: `keeper` (a document)
    and `keeper_start`; NULL where none does.
    """
    sql = (
        'SELECT start, "end", copies, holder.doc_id AS keeper, keeper_start '
        f"FROM {spans_of(ledger, step, found, table='repeats')} AS repeat "
        "LEFT JOIN files.documents AS holder ON holder.part = keeper_part AND holder.row = keeper_row "
        'WHERE repeat.doc_id = $id ORDER BY start, "end"'
    )
    return fetch(con, sql, params={"id": found["doc_id"]}).records()


def spans_of(ledger: Ledger, step: str, found: Mapping[str, Any], *, table: str = "spans") -> str:
    """Return SQL for the spans of a step that this document's part has: of a filter, a file for each of its families."""
    paths = [path for path in ledger.step_files(table)[step] if Path(path).stem == found["part"]]
    return f"read_parquet([{', '.join(map(literal, paths))}])"
