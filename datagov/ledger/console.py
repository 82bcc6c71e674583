"""The SQL console: one reading statement at a time, over the files of one run and nothing else.

Three fences, because each alone has a hole in DuckDB 2.0: external access is off except for the
ledger's own files (which may then be overwritten by COPY); the transaction is read-only (which does
not concern COPY); and the parsed statement may hold only reading nodes and harmless table functions
(`WITH x AS (COPY ...) SELECT` counts as a SELECT, and `json_execute_serialized_sql` runs any).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from datagov.errors import ConfigError, LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Result", "check_reading", "fetch", "lock", "new_connection", "select"]

READING_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
TABLE_FUNCTIONS = {
    "duckdb_columns",
    "duckdb_functions",
    "duckdb_keywords",
    "duckdb_tables",
    "duckdb_types",
    "duckdb_views",
    "generate_series",
    "histogram",
    "histogram_values",
    "json_each",
    "json_tree",
    "pragma_table_info",
    "range",
    "repeat",
    "repeat_row",
    "unnest",
}
REFUSED = "parameter "
"""How a statement of ours begins the message with which it refuses a parameter."""
EXPLAIN = re.compile(r"^\s*EXPLAIN\s+(?:ANALYZE\s+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Result:
    """Rows of one query.

    `truncated` says that there were more rows than asked for.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    truncated: bool
    total: int | None = None
    """How many rows there are in all; None if nobody counted them."""

    def first(self, limit: int) -> Result:
        """Return the first `limit` rows of a complete result."""
        if len(self.rows) <= limit:
            return self
        return Result(self.columns, self.rows[:limit], truncated=True, total=len(self.rows))

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def new_connection() -> duckdb.DuckDBPyConnection:
    """Return an in-memory connection that installs nothing and sees no Python variables."""
    con = duckdb.connect(":memory:")
    con.execute(
        "SET autoinstall_known_extensions = false; SET autoload_known_extensions = false;"
        "SET allow_community_extensions = false; SET allow_persistent_secrets = false;"
        "SET python_enable_replacements = false; SET enable_progress_bar = false"
    )
    return con


def lock(con: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> None:
    """Leave the connection able to read `paths` and no other file, and lock its configuration."""
    # allowed_paths can only be set while external access is still on.
    con.execute("SET allowed_paths = $paths", {"paths": list(paths)})
    con.execute("SET temp_directory = ''; SET enable_external_access = false; SET lock_configuration = true")


def select(
    con: duckdb.DuckDBPyConnection,
    sql: str,
    *,
    limit: int | None = None,
    params: Mapping[str, Any] | None = None,
) -> Result:
    """Run one reading statement that a user wrote.

    Raises
    ------
    ConfigError
        If it is not exactly one SELECT, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN of these, or fails.
    """
    check_reading(sql)
    con.execute("BEGIN TRANSACTION READ ONLY")
    try:
        return rows_of(con, sql, limit=limit, params=params)
    except duckdb.Error as error:
        raise ConfigError(f"The query failed: {error}") from error
    finally:
        con.execute("ROLLBACK")


def fetch(
    con: duckdb.DuckDBPyConnection,
    sql: str,
    *,
    limit: int | None = None,
    params: Mapping[str, Any] | None = None,
) -> Result:
    """Run one of our own statements and return at most `limit` of its rows.

    Raises
    ------
    ConfigError
        If the statement refuses one of its parameters.
    LedgerError
        If it fails: a file of the ledger is missing or damaged.
    """
    try:
        return rows_of(con, sql, limit=limit, params=params)
    except duckdb.Error as error:
        message = " ".join(str(error).split())
        _, refused, why = message.partition(REFUSED)
        if refused:
            raise ConfigError(f"{why}.") from None
        raise LedgerError(f"The ledger cannot be read: {message}") from error


def rows_of(
    con: duckdb.DuckDBPyConnection,
    sql: str,
    *,
    limit: int | None,
    params: Mapping[str, Any] | None,
) -> Result:
    """Run one statement and return at most `limit` of its rows."""
    cursor = con.execute(sql, dict(params or {}))
    columns = tuple(column[0] for column in cursor.description or ())
    if limit is None:
        return Result(columns, cursor.fetchall(), truncated=False)
    rows = cursor.fetchmany(limit + 1)
    return Result(columns, rows[:limit], truncated=len(rows) > limit)


def check_reading(sql: str) -> None:
    """Raise ConfigError unless `sql` is exactly one statement that only reads."""
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise ConfigError(f"The query cannot be parsed: {error}") from error
    if len(statements) != 1:
        raise ConfigError(f"Expected one SQL statement, got {len(statements)}.")
    kind = statements[0].type
    if kind == duckdb.StatementType.EXPLAIN:
        inner = EXPLAIN.sub("", sql)
        if inner == sql:
            raise ConfigError(
                "Write EXPLAIN or EXPLAIN ANALYZE, then the SELECT, without options or comments."
            )
        check_reading(inner)
        return
    if kind != duckdb.StatementType.SELECT:
        raise ConfigError(
            f"Only reading statements are accepted (SELECT, DESCRIBE, SHOW, EXPLAIN), not {kind.name}."
        )
    row = duckdb.connect(":memory:").execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    if row is None:
        raise LedgerError("DuckDB returned no parse of the query.")
    parsed = json.loads(row[0])
    if parsed["error"]:
        raise ConfigError(
            f"The query cannot be checked: {parsed['error_message']} (PIVOT: use GROUP BY instead.)"
        )
    for node in nodes(parsed):
        kind_name = str(node.get("type", ""))
        if kind_name.endswith("_NODE") and kind_name not in READING_NODES:
            raise ConfigError("Only reading statements are accepted: a WITH clause here writes.")
        if kind_name == "TABLE_FUNCTION":
            check_table_function(str(node.get("function", {}).get("function_name", "")))


def check_table_function(name: str) -> None:
    """Raise ConfigError unless the table function can neither write nor run another statement."""
    if name.lower() not in TABLE_FUNCTIONS:
        raise ConfigError(
            f"The table function {name!r} is not available here; the ledger's tables are views: "
            "'SHOW TABLES' lists them."
        )


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a JSON value."""
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, dict):
            yield current
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)
