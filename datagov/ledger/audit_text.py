"""The answers of audit queries, as tables for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datagov import terminal

if TYPE_CHECKING:
    from datagov.ledger.console import Result
    from datagov.ledger.queries import Query
    from datagov.ledger.reader import Ledger

__all__ = ["in_words", "print_queries", "print_result"]

DOC_ID_COLUMNS = {"doc_id", "keeper"}
SHORT_DOC_ID = 12
"""Hex digits of a doc_id shown on a terminal: enough for `explain` to find the document by."""


def print_queries(found: list[Query], *, as_json: bool) -> None:
    """Print what `audit` can answer."""
    if as_json:
        terminal.print_json(
            [
                {
                    "name": query.name,
                    "title": query.title,
                    "parameters": [
                        {"name": param.name, "what": param.what, "default": param.default}
                        for param in query.parameters
                    ],
                }
                for query in found
            ]
        )
        return
    rows = []
    for query in found:
        usage = " ".join(
            f"{param.name}=..." if param.default is None else f"[{param.name}={param.default}]"
            for param in query.parameters
        )
        rows.append((query.name, usage, query.title))
    rows.append(("sql", "'SELECT ...'", "One reading statement over the views; 'SHOW TABLES' lists them."))
    terminal.print_table(("query", "parameters", "answers"), rows)


def print_result(name: str, ledger: Ledger, result: Result, *, as_json: bool) -> None:
    """Print a query's rows, and on stderr which run they are of and whether there are more.

    A named query (any but `sql`) speaks to people: its columns are in words, and on a terminal the
    document's own id stands first and doc_ids are shortened.
    """
    terminal.note(f"{ledger.title}.")
    if as_json:
        terminal.print_json(
            {
                "query": name,
                "run_id": ledger.run_id,
                "columns": result.columns,
                "rows": result.records(),
                "truncated": result.truncated,
                "total": result.total if result.truncated else len(result.rows),
            }
        )
    elif name == "sql":
        terminal.print_table(result.columns, result.rows)
    else:
        print_named(result)
    if result.truncated:
        known = f" of {result.total}" if result.total is not None else ""
        more = "" if known else ": there are more"
        terminal.note(f"Only the first {len(result.rows)}{known} rows are shown{more} (--limit).")
    if not result.rows:
        terminal.note("No rows.")


def print_named(result: Result) -> None:
    """Print the rows of a named query."""
    if not terminal.is_terminal():
        terminal.print_table([in_words(column) for column in result.columns], result.rows)
        return
    order = sorted(range(len(result.columns)), key=lambda n: result.columns[n] != "id")
    columns = [result.columns[n] for n in order]
    rows = [
        [
            row[n][:SHORT_DOC_ID] if result.columns[n] in DOC_ID_COLUMNS and row[n] is not None else row[n]
            for n in order
        ]
        for row in result.rows
    ]
    terminal.print_table([in_words(column) for column in columns], rows)


def in_words(column: str) -> str:
    """Return a column's name as people say it: `errored` documents are set aside."""
    return "set aside" if column == "errored" else column
