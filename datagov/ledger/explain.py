"""The whole life of one document in one run, told from the ledger alone."""
# ruff: noqa: S608 - paths come from the manifest and are quoted

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from datagov.errors import ConfigError, LedgerError
from datagov.ledger.console import fetch, lock, new_connection
from datagov.ledger.own_limits import set_own_limits
from datagov.ledger.quoting import literal
from datagov.ledger.reader import SignalTable, short_name
from datagov.ledger.signal_values import applied, quotient, with_label
from datagov.ledger.spans import found_spans, removed_spans, repeated_units
from datagov.ledger.twins import cluster, compared_pairs
from datagov.ledger.views import create_file_views

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from datagov.ledger.reader import Ledger

__all__ = ["explain"]

DOC_ID = re.compile(r"^[0-9a-f]{32}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
BEGINNING = re.compile(r"^[0-9a-f]{12,31}$", re.IGNORECASE)
LISTED = 10
"""Most documents listed where an id is ambiguous."""


def explain(ledger: Ledger, document: str) -> dict[str, Any]:
    """Return everything the ledger holds about one document.

    Parameters
    ----------
    ledger : Ledger
        A completed run.
    document : str
        A doc_id (32 hex digits, with or without hyphens), the document's own id, or the first 12
        digits or more of a doc_id.

    Returns
    -------
    dict
        `run`: run_id, dataset, recipe_digest, code_version. `document`: its row of `documents`, with
        part and row. `piece`: parent, number, pieces, start_char and start_byte of a document that is a piece of
        a longer text, else None. `verdict`: action, step, orphaned, errors, exported (path of the kept shard).
        `steps`: one entry a step with its status (edited | unchanged | passed | annotated | removed |
        not compared | not applied | not reached) and, as they apply, `edit`, `spans` (what it removed), `repeats` (where what it
        removed stands too), `found` (where, and which terms of lexicons), `when`, `signals` (numerator,
        denominator, value, min, max, missing, source, crossed) and `reasons`. `cluster`: size, keeper,
        survivor, the chain of keepers and other members; None outside duplicate clusters. `pairs`:
        the pairs this document was compared in, best first; `evidence` marks the one it was removed
        by.

    Raises
    ------
    ConfigError
        If several documents have this id, or doc_ids that begin with it.
    LedgerError
        If no document has it.
    """
    con = new_connection()
    # Only tables that have files: an empty one would have to be made from its Arrow schema.
    present = {"documents", "decisions"}
    present |= {table for table in ("errors", "pieces") if ledger.files(table)}
    present |= {"pairs"} if any(ledger.step_files("pairs").values()) else set()
    lock(con, create_file_views(con, ledger, schema="files", only=present))
    found = find(con, ledger, document)
    decision = fetch_one(
        con,
        f"SELECT * FROM {one_row(ledger, ledger.files('decisions'), found)}",
        f"no decision on document {UUID(str(found['doc_id'])).hex}",
    )
    if decision["doc_id"] != found["doc_id"]:
        raise LedgerError(
            f"{ledger.root}: part {found['part']} row {found['row']} holds two different documents."
        )
    errors = "SELECT reason, detail FROM files.errors WHERE doc_id = $id ORDER BY ALL"
    no_pairs = {"compared": 0, "listed": []}
    exported = exported_file(ledger, found) if decision["action"] == "keep" else None
    return {
        "run": {
            key: ledger.manifest.get(key)
            for key in ("run_id", "dataset", "recipe_digest", "code_version", "finished")
        },
        "document": found,
        "piece": piece_of(con, found["doc_id"]) if "pieces" in present else None,
        "verdict": {
            "action": decision["action"],
            "step": decision["step"],
            "orphaned": decision["orphaned"],
            "errors": fetch(con, errors, params={"id": found["doc_id"]}).records()
            if "errors" in present
            else [],
            "exported": exported if exported in ledger.manifest["data"] else None,
        },
        "steps": [told_step(con, ledger, step, found, decision) for step in steps_reached(ledger, decision)],
        "cluster": cluster(con, found["doc_id"], decision),
        "pairs": compared_pairs(con, found["doc_id"], decision) if "pairs" in present else no_pairs,
    }


def piece_of(con: duckdb.DuckDBPyConnection, doc_id: UUID) -> dict[str, Any] | None:
    """Return of which text this document is which piece; None where it is none."""
    sql = "SELECT parent, number, pieces, start_char, start_byte FROM files.pieces WHERE doc_id = $id"
    rows = fetch(con, sql, params={"id": doc_id}).records()
    return rows[0] if rows else None


def exported_file(ledger: Ledger, found: Mapping[str, Any]) -> str | None:
    """Return the exported shard that holds a kept document; None if the manifest does not say."""
    for part in ledger.manifest["parts"]:
        for piece in part["files"]:
            if piece["path"] == found["shard"] and piece["start"] <= found["shard_row"] < piece["stop"]:
                return piece.get("output")
    return None


def find(con: duckdb.DuckDBPyConnection, ledger: Ledger, document: str) -> dict[str, Any]:
    """Return the one row of `documents` that is meant."""
    rows: list[dict[str, Any]] = []
    if DOC_ID.match(document):
        by_doc_id = "SELECT * FROM files.documents WHERE doc_id = $id"
        rows = fetch(con, by_doc_id, params={"id": UUID(document)}).records()
        if not rows and ledger.files("pieces"):
            by_parent = "SELECT documents.* FROM files.documents JOIN files.pieces USING (doc_id) WHERE parent = $id ORDER BY number"
            rows = fetch(con, by_parent, params={"id": UUID(document)}).records()
    if not rows:
        by_id = "SELECT * FROM files.documents WHERE id = $id ORDER BY doc_id"
        rows = fetch(con, by_id, params={"id": document}).records()
    if not rows and BEGINNING.match(document):
        between = "SELECT * FROM files.documents WHERE doc_id BETWEEN $low AND $high ORDER BY doc_id"
        ends = {"low": UUID(document.ljust(32, "0")), "high": UUID(document.ljust(32, "f"))}
        rows = fetch(con, between, params=ends).records()
    if len(rows) > 1:
        listed = "; ".join(
            f"{row['doc_id'].hex} ({row['shard']} row {row['shard_row']})" for row in rows[:LISTED]
        )
        more = f"; and {len(rows) - LISTED} more" if len(rows) > LISTED else ""
        raise ConfigError(
            f"{len(rows)} documents have the id {document!r}. Give the doc_id of one: {listed}{more}."
        )
    if not rows:
        unread = unread_shards(con) if ledger.files("errors") else 0
        hint = (
            f" {unread} shards could not be read: it may be in one of them ('audit errors')."
            if unread
            else ""
        )
        raise LedgerError(
            f"No document of {ledger.root}@{ledger.run_id} has the doc_id or id {document!r}.{hint} "
            "Ids are matched exactly, upper and lower case too."
        )
    return rows[0]


def unread_shards(con: duckdb.DuckDBPyConnection) -> int:
    """Return how many shards of the input could not be read."""
    return int(fetch(con, "SELECT count(*) FROM files.errors WHERE shard_row IS NULL").rows[0][0])


def one_row(ledger: Ledger, files: Sequence[str], found: Mapping[str, Any]) -> str:
    """Return SQL for this document's row of a by-document table."""
    path = ledger.file_of(files, found["part"])
    return (
        f"read_parquet({literal(path)}, file_row_number = true) WHERE file_row_number = {int(found['row'])}"
    )


def fetch_one(con: duckdb.DuckDBPyConnection, sql: str, absent: str) -> dict[str, Any]:
    """Return the single row of a query, or raise LedgerError that there is none."""
    rows = fetch(con, sql).records()
    if not rows:
        raise LedgerError(f"The ledger holds {absent}: it is damaged or incomplete.")
    return rows[0]


def steps_reached(ledger: Ledger, decision: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the run's steps, each with `reached`: whether this document came to it."""
    names = [step["name"] for step in ledger.steps]
    last = names.index(decision["step"]) if decision["step"] in names else len(names)
    if decision["action"] == "error":
        last = -1
    return [{**step, "reached": number <= last} for number, step in enumerate(ledger.steps)]


def told_step(
    con: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    step: Mapping[str, Any],
    found: Mapping[str, Any],
    decision: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what one step found of this document and did with it."""
    name = step["name"]
    told: dict[str, Any] = {"name": name, "kind": step["kind"], "status": "passed"}
    settings = recipe_step(ledger.manifest["recipe"], name)
    if settings.get("when"):
        told["when"] = settings["when"]
    if not step["reached"]:
        told["status"] = "not reached"
        return told
    edits = ledger.step_files("edits").get(name)
    if edits:
        sql = f"SELECT * EXCLUDE (file_row_number) FROM {one_row(ledger, edits, found)}"
        told["edit"] = fetch_one(con, sql, f"no edit of step {name!r} for this document")
        told["status"] = "edited" if told["edit"]["changed"] else "unchanged"
    if ledger.step_files("spans").get(name):
        if edits:
            told["spans"] = removed_spans(con, ledger, name, found)
        else:
            told["found"] = found_spans(con, ledger, name, found)
    if ledger.step_files("repeats").get(name):
        told["repeats"] = repeated_units(con, ledger, name, found)
    reasons = [dict(reason) for reason in decision["reasons"] if reason["step"] == name]
    told["reasons"] = reasons
    tables = [table for table in ledger.signals if table.step == name]
    labels = {label for table in tables for label in table.labels}
    for reason in reasons:
        if reason.get("signals"):
            reason["signals"] = [with_label(each, labels) for each in reason["signals"]]
    if tables:
        told["signals"] = [
            signal for table in tables for signal in measured(con, ledger, table, found, reasons)
        ]
        set_own_limits(con, ledger, name, found, told["signals"])
        if not reasons and not applied(told["signals"], when="when" in told):
            told["status"] = "not applied"
    if decision["step"] == name:
        told["status"] = "removed"
    elif reasons:
        passed_over = all(reason["bound"] == "not_compared" for reason in reasons)
        told["status"] = "not compared" if passed_over else "annotated"
    return told


def recipe_step(recipe: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a step's settings in the run's canonical recipe; empty if it is not listed by name."""
    return next((step for step in recipe.get("steps", ()) if step.get("name") == name), {})


def measured(
    con: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    table: SignalTable,
    found: Mapping[str, Any],
    reasons: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Return the values of one family for this document, with the step's bounds on them."""
    if not table.files:
        return []
    sql = f"SELECT * EXCLUDE (file_row_number) FROM {one_row(ledger, table.files, found)}"
    counts = fetch_one(con, sql, f"no {table.family} of step {table.step!r} for this document")
    signals = []
    for rule, (numerator, denominator) in table.rules.items():
        top = counts[numerator]
        bottom = counts[denominator] if denominator is not None else None
        value = quotient(top, bottom) if denominator is not None else (None if top is None else float(top))
        signal = {
            "family": table.family,
            "signal": rule,
            "numerator": top,
            "denominator": bottom,
            "value": value,
            "crossed": [reason["bound"] for reason in reasons if short_name(reason["rule"]) == rule],
        }
        signal = with_label(signal, table.labels)
        bound = table.bounds.get(rule)
        if bound is not None:
            signal |= {"min": bound.min, "max": bound.max, "missing": bound.missing, "source": bound.source}
        signals.append(signal)
    return signals
