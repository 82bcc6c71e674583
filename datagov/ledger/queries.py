"""The named audit queries: SQL files with a title and declared parameters.

A query is one file of `queries/`. Its leading comment lines declare it::

    -- title: What it answers.
    -- param rule: what to write              (required)
    -- param limit = 100: how many at most    (optional, with its default)
    -- known rule: SELECT ...                 (what could have been written, asked when nothing is found)

A parameter called `limit` is the most rows to return; that there were more is told with the result.
A query with a column `ok` is an audit: it fails where `ok` is not true.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files as package_files
from typing import TYPE_CHECKING

from datagov.errors import ConfigError, did_you_mean
from datagov.ledger.console import Result, fetch

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

__all__ = ["Parameter", "Query", "bind", "failed", "named_query", "queries", "run_query"]

Value = str | int | float
MOST = 2**62
"""Largest whole number a parameter takes: as a limit, no limit."""
PARAM = re.compile(r"^(?P<name>\w+)(?:\s*=\s*(?P<default>\S+))?$")


@dataclass(frozen=True)
class Parameter:
    """One value a query needs; without a default it is required."""

    name: str
    what: str
    default: str | None = None
    known: str | None = None
    """SQL that lists what could have been written; None if anything could."""

    def parse(self, value: str) -> Value:
        """Return `value` as the parameter's type, that of its default: whole number, number or text.

        Raises
        ------
        ConfigError
            If it is not of that type, or a limit below 1.
        """
        if self.default is None or number(self.default) is None:
            return value
        whole = self.default.isdecimal()
        least = 1 if self.name == "limit" else 0
        parsed = number(value) if not whole else int(value) if value.isdecimal() else None
        if parsed is None or not least <= parsed < MOST:
            kind = "a whole number" if whole else "a number"
            raise ConfigError(
                f"{self.name}={value!r} should be {kind} from {least} on, e.g. {self.name}={self.default}."
            )
        return parsed


def number(text: str) -> float | None:
    """Return a finite number, None for any other text."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


@dataclass(frozen=True)
class Query:
    """One named query."""

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    sql: str

    @property
    def limited(self) -> bool:
        """Whether the query returns at most `limit` rows."""
        return any(parameter.name == "limit" for parameter in self.parameters)


@cache
def queries() -> Mapping[str, Query]:
    """Return every named query by name, in alphabetical order."""
    folder = package_files("datagov.ledger").joinpath("queries")
    found = [path for path in folder.iterdir() if path.name.endswith(".sql")]
    names = sorted(path.name.removesuffix(".sql") for path in found)
    return {
        name: read_query(name, folder.joinpath(f"{name}.sql").read_text(encoding="utf-8")) for name in names
    }


def read_query(name: str, sql: str) -> Query:
    """Read the declarations at the head of a query's file."""
    title = ""
    declared: dict[str, tuple[str, str | None]] = {}
    known: dict[str, str] = {}
    for line in sql.splitlines():
        if not line.startswith("-- "):
            break
        key, _, value = line.removeprefix("-- ").partition(": ")
        word, _, rest = key.partition(" ")
        if word == "title":
            title = value
        elif word == "known":
            known[rest] = value
        elif word == "param" and (match := PARAM.match(rest)):
            declared[match["name"]] = (value, match["default"])
        else:
            raise ValueError(f"queries/{name}.sql: cannot read the declaration {line!r}.")
    parameters = tuple(
        Parameter(param, what, default, known.get(param)) for param, (what, default) in declared.items()
    )
    return Query(name, title, parameters, sql)


def named_query(name: str) -> Query:
    """Return the query called `name`; `-` and `_` are the same.

    Raises
    ------
    ConfigError
        If there is none.
    """
    query = queries().get(name.replace("-", "_"))
    if query is None:
        raise ConfigError(f"There is no audit query {name!r}. {did_you_mean(name, queries())}")
    return query


def bind(query: Query, arguments: list[str]) -> dict[str, Value]:
    """Read `NAME=VALUE` arguments; the first required parameter may be given as a bare value.

    Raises
    ------
    ConfigError
        If a parameter is unknown, missing, given twice or of the wrong type.
    """
    by_name = {parameter.name: parameter for parameter in query.parameters}
    required = [parameter.name for parameter in query.parameters if parameter.default is None]
    given: dict[str, Value] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals and required:
            name, value = required[0], argument
        if name not in by_name:
            hint = did_you_mean(name, by_name) if by_name else "It takes no parameters."
            raise ConfigError(f"The query {query.name!r} has no parameter {name!r}. {hint}")
        if name in given:
            raise ConfigError(f"The parameter {name!r} is given twice.")
        given[name] = by_name[name].parse(value)
    for parameter in query.parameters:
        if parameter.name in given:
            continue
        if parameter.default is None:
            raise ConfigError(f"The query {query.name!r} needs {parameter.name}=...: {parameter.what}.")
        given[parameter.name] = parameter.parse(parameter.default)
    return given


def run_query(con: duckdb.DuckDBPyConnection, query: Query, given: Mapping[str, Value]) -> Result:
    """Run a named query on a ledger's connection; where its limit cuts rows off, count them all.

    Raises
    ------
    ConfigError
        If nothing was found because a parameter names something that is not in this ledger.
    """
    if query.limited:
        limit = int(given["limit"])
        # One row more than asked for tells whether there are more.
        result = fetch(con, query.sql, params={**given, "limit": limit + 1}, limit=limit)
        if result.truncated:
            everything = f"SELECT count(*) FROM (\n{query.sql}\n)"  # noqa: S608 - one of our own files
            rows = fetch(con, everything, params={**given, "limit": MOST}).rows
            result = replace(result, total=int(rows[0][0]))
    else:
        result = fetch(con, query.sql, params=given)
    if not result.rows:
        for parameter in query.parameters:
            if parameter.known is not None:
                check_known(con, query, parameter, str(given[parameter.name]))
    return result


def check_known(con: duckdb.DuckDBPyConnection, query: Query, parameter: Parameter, value: str) -> None:
    """Raise ConfigError if `value` is none of the parameter's known values."""
    known = {str(row[0]) for row in fetch(con, str(parameter.known)).rows}
    if value not in known:
        hint = did_you_mean(value, known) if known else "This ledger holds none."
        raise ConfigError(
            f"{query.name}: this ledger has no {parameter.name} {value!r} ({parameter.what}). {hint}"
        )


def failed(result: Result) -> bool:
    """Say whether an audit failed: its column `ok` is not true somewhere."""
    return "ok" in result.columns and not all(record["ok"] is True for record in result.records())
