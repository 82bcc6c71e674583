"""DuckDB views over the files of one run."""
# ruff: noqa: S608 - names and paths come from the manifest and are quoted; views take no parameters

from __future__ import annotations

import re
from importlib.resources import files as package_files
from typing import TYPE_CHECKING, Any

import duckdb

from datagov.errors import LedgerError
from datagov.ledger.quoting import literal, quoted
from datagov.ledger.signal_views import create_applied, create_labels, create_long_signals, wide_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from datagov.ledger.reader import Ledger, SignalTable

__all__ = ["create_file_views", "create_views"]

BY_DOCUMENT = ("documents", "decisions")
BY_STEP = ("pairs", "buckets", "templates", "spans", "line_values", "repeats", "limits")

MANIFEST_TABLES = """
CREATE TABLE runs (run_id VARCHAR, dataset VARCHAR, complete BOOLEAN, recipe_digest VARCHAR,
    code_version VARCHAR, documents_in BIGINT, kept BIGINT, removed BIGINT, errored BIGINT,
    bytes_in BIGINT, bytes_kept BIGINT, executor VARCHAR, workers BIGINT, seconds DOUBLE,
    started VARCHAR, finished VARCHAR);
CREATE TABLE steps (position BIGINT, name VARCHAR, kind VARCHAR, documents_in BIGINT, kept BIGINT,
    removed BIGINT, annotated BIGINT, not_compared BIGINT, seconds DOUBLE);
CREATE TABLE parts (part VARCHAR, rows BIGINT);
CREATE TABLE part_files (part VARCHAR, path VARCHAR, start BIGINT, stop BIGINT);
CREATE TABLE bounds (step VARCHAR, family VARCHAR, signal VARCHAR, min DOUBLE, max DOUBLE,
    missing VARCHAR, source VARCHAR);
CREATE TABLE terms (step VARCHAR, family VARCHAR, term VARCHAR, text VARCHAR, category VARCHAR, weight DOUBLE);
CREATE TABLE warnings (warning VARCHAR);
CREATE TABLE counts (documents_in BIGINT, kept BIGINT, removed BIGINT, errored BIGINT,
    bytes_in BIGINT, bytes_kept BIGINT);
"""

COUNTS = ("documents_in", "kept", "removed", "errored", "bytes_in", "bytes_kept")


def create_file_views(
    con: duckdb.DuckDBPyConnection, ledger: Ledger, *, schema: str, only: Collection[str] | None = None
) -> list[str]:
    """Create a schema with one view a ledger table, as stored (ids are UUIDs).

    By-document tables gain `part` (file stem) and `row` (row number in the file), which join them.
    Tables kept by step gain `step`. `signals_N` and `edits_N` are the N-th entries of the manifest.

    Parameters
    ----------
    con : DuckDBPyConnection
        Where to create them; not locked yet.
    ledger : Ledger
        The run.
    schema : str
        Name of the new schema.
    only : collection of str or None
        Leave out all tables but these.

    Returns
    -------
    list of str
        Every file of the tables, which is what the connection should be able to read.

    Raises
    ------
    LedgerError
        If a file named by the manifest is missing or is not Parquet.
    """
    con.execute(f"CREATE SCHEMA {quoted(schema)}")
    used: list[str] = []

    def view(name: str, table: str, select: str, paths: Sequence[str]) -> None:
        used.extend(paths)
        if only is None or table in only:
            create_view(con, f"{quoted(schema)}.{quoted(name)}", table, select, paths)

    for table in BY_DOCUMENT:
        view(table, table, WITH_ROW, ledger.files(table))
    for table in ("errors", "pieces"):
        view(table, table, "*", ledger.files(table))
    for table in BY_STEP:
        steps = ledger.step_files(table)
        for number, (step, paths) in enumerate(steps.items()):
            view(f"{table}_{number}", table, f"{literal(step)} AS step, *", paths)
        names = [f"{quoted(schema)}.{quoted(f'{table}_{number}')}" for number in range(len(steps))]
        if names and (only is None or table in only):
            union = " UNION ALL ".join(f"SELECT * FROM {name}" for name in names)
            con.execute(f"CREATE VIEW {quoted(schema)}.{table} AS {union}")
        elif not names:
            view(table, table, "''::VARCHAR AS step, *", ())
    for number, paths in enumerate(ledger.step_files("edits").values()):
        view(f"edits_{number}", "edits", WITH_ROW, paths)
    for number, signals in enumerate(ledger.signals):
        if signals.files:
            view(f"signals_{number}", "signals", WITH_ROW, signals.files)
    return used


WITH_ROW = (
    '* EXCLUDE (filename, file_row_number), parse_filename(filename, true) AS part, file_row_number AS "row"'
)


def create_view(
    con: duckdb.DuckDBPyConnection, name: str, table: str, select: str, paths: Sequence[str]
) -> None:
    """Create one view over an explicit list of files, or an empty table of the table's schema."""
    by_document = select is WITH_ROW
    if not paths:
        from datagov.ledger.tables import TABLES  # noqa: PLC0415 - Arrow takes longer to load than most queries to run

        con.register("no_rows", TABLES[table].empty_table())
        place = ", '' AS filename, 0::BIGINT AS file_row_number" if by_document else ""
        con.execute(f"CREATE TABLE {name} AS SELECT {select} FROM (SELECT *{place} FROM no_rows)")
        con.unregister("no_rows")
        return
    options = ", filename = true, file_row_number = true" if by_document else ""
    listed = ", ".join(literal(path) for path in paths)
    try:
        con.execute(f"CREATE VIEW {name} AS SELECT {select} FROM read_parquet([{listed}]{options})")
    except duckdb.Error as error:
        raise LedgerError(f"The ledger's table {table!r} cannot be read: {first_line(error)}") from error


def create_views(con: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Create the views people query, on top of schema `files`.

    `views.sql` holds those that are the same for every run; `signals_STEP` (one wide view a filter
    step, values as DOUBLE, labels as VARCHAR, NULL = undefined), `signals` (the same, one row a value, without
    labels), `labels` (the labels, one row each), `applied`
    (the documents that a filter step measured anything of) and `edits_STEP` follow the run's steps, and `edits` holds
    those of all edit steps; in STEP,
    what is not a letter or digit is `_`. `runs`, `steps`, `parts`, `part_files`, `bounds`, `counts`, `terms` and
    `warnings` come from the manifests.
    """
    create_manifest_tables(con, ledger)
    con.execute(package_files("datagov.ledger").joinpath("views.sql").read_text(encoding="utf-8"))
    names = view_names(step["name"] for step in ledger.steps)
    for number, step in enumerate(ledger.step_files("edits")):
        create_document_view(
            con, f"edits_{names[step]}", [f"edits_{number}"], [f"edits_{number}.* EXCLUDE (part, row)"]
        )
    create_edits(con, ledger)
    by_step: dict[str, list[tuple[int, SignalTable]]] = {}
    for number, signals in enumerate(ledger.signals):
        if signals.files:
            by_step.setdefault(signals.step, []).append((number, signals))
    for step, tables in by_step.items():
        columns = wide_columns(tables)
        create_document_view(
            con, f"signals_{names[step]}", [f"signals_{number}" for number, _ in tables], columns
        )
    create_long_signals(con, [pair for tables in by_step.values() for pair in tables])
    create_labels(con, [pair for tables in by_step.values() for pair in tables])
    create_applied(con, by_step)


def create_edits(con: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Create `edits`: position, step, part, row, changed, chars_before, chars_after of every edit step."""
    places = {step["name"]: position for position, step in enumerate(ledger.steps, 1)}
    branches = [
        f"SELECT {places[step]}::BIGINT AS position, {literal(step)} AS step, part, row, changed, chars_before, chars_after "
        f"FROM files.edits_{number}"
        for number, step in enumerate(ledger.step_files("edits"))
    ]
    nothing = (
        "SELECT 0::BIGINT AS position, ''::VARCHAR AS step, ''::VARCHAR AS part, 0::BIGINT AS row, false AS changed, "
        "0::BIGINT AS chars_before, 0::BIGINT AS chars_after WHERE false"
    )
    con.execute(f"CREATE VIEW edits AS {' UNION ALL '.join(branches or [nothing])}")


def view_names(steps: Iterable[str]) -> dict[str, str]:
    """Return step -> the name its views end in: `filter-1` -> `filter_1`, so that SQL needs no quotes."""
    names: dict[str, str] = {}
    for step in steps:
        name = re.sub(r"\W", "_", step)
        while name in names.values():
            name += "_"
        names[step] = name
    return names


def create_document_view(
    con: duckdb.DuckDBPyConnection, name: str, tables: Sequence[str], columns: Sequence[str]
) -> None:
    """Create `name`: doc_id, part, row and `columns` of by-document tables of schema `files`."""
    joins = " ".join(f"JOIN files.{table} USING (part, row)" for table in tables)
    con.execute(
        f"CREATE VIEW {quoted(name)} AS SELECT hex_id(documents.doc_id) AS doc_id, part, row, "
        f"{', '.join(columns)} FROM files.documents {joins}"
    )


def create_manifest_tables(con: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Create the small tables that come from the manifests, not from Parquet."""
    con.execute(MANIFEST_TABLES)
    runs = []
    for manifest in ledger.manifests():
        named = [
            manifest.get(key) for key in ("run_id", "dataset", "complete", "recipe_digest", "code_version")
        ]
        counts = [manifest.get("counts", {}).get(key) for key in COUNTS]
        rest = [manifest.get(key) for key in ("executor", "workers", "seconds", "started", "finished")]
        runs.append([*named, *counts, *rest])
    insert(con, "runs", runs)
    keys = ("name", "kind", "in", "kept", "removed", "annotated", "not_compared", "seconds")
    insert(con, "steps", [[n, *(step.get(key) for key in keys)] for n, step in enumerate(ledger.steps, 1)])
    parts = ledger.manifest["parts"]
    insert(con, "parts", [[part["name"], part["rows"]] for part in parts])
    insert(
        con,
        "part_files",
        [
            [part["name"], file["path"], file["start"], file["stop"]]
            for part in parts
            for file in part["files"]
        ],
    )
    insert(
        con,
        "bounds",
        [
            [table.step, table.family, signal, bound.min, bound.max, bound.missing, bound.source]
            for table in ledger.signals
            for signal, bound in table.bounds.items()
        ],
    )
    insert(con, "terms", [list(term) for term in ledger.terms()])
    insert(con, "warnings", [[str(warning)] for warning in ledger.manifest.get("warnings", ())])
    insert(con, "counts", [[ledger.manifest["counts"].get(key) for key in COUNTS]])


def insert(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows column by column: one statement, however many rows."""
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        con.execute(f"INSERT INTO {table} SELECT {', '.join(['unnest(?)'] * len(columns))}", columns)


def first_line(error: Exception) -> str:
    """Return the first line of an engine's message."""
    return str(error).partition("\n")[0]
