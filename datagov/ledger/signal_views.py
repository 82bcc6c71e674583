"""DuckDB views over what filter steps measured: values, labels, and which documents a step spoke of."""
# ruff: noqa: S608 - names and paths come from the manifest and are quoted; views take no parameters

from __future__ import annotations

from typing import TYPE_CHECKING

from datagov.ledger.quoting import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

    from datagov.ledger.reader import SignalTable

__all__ = ["create_applied", "create_labels", "create_long_signals", "value_sql", "wide_columns"]


def wide_columns(tables: Iterable[tuple[int, SignalTable]]) -> list[str]:
    """Return one SQL column a signal; a name two families share is prefixed by its family."""
    taken: set[str] = set()
    columns = []
    for number, table in tables:
        for rule, (numerator, denominator) in table.rules.items():
            name = rule if rule not in taken else f"{table.family.partition('@')[0]}_{rule}"
            taken.add(name)
            value = value_sql(f"signals_{number}", numerator, denominator)
            shown = f"label_text({value})" if rule in table.labels else value
            columns.append(f"{shown} AS {quoted(name)}")
    return columns


def create_long_signals(con: duckdb.DuckDBPyConnection, tables: Sequence[tuple[int, SignalTable]]) -> None:
    """Create `signals`: step, family, signal, part, row, value; a filter on the first three reads one table."""
    branches = [
        f"SELECT {literal(table.step)} AS step, {literal(table.family)} AS family, {literal(rule)} AS signal, "
        f"part, row, {value_sql(f'signals_{number}', *columns)} AS value FROM files.signals_{number}"
        for number, table in tables
        for rule, columns in table.rules.items()
        if rule not in table.labels
    ]
    nothing = (
        "SELECT ''::VARCHAR AS step, ''::VARCHAR AS family, ''::VARCHAR AS signal, ''::VARCHAR AS part, "
        "0::BIGINT AS row, NULL::DOUBLE AS value WHERE false"
    )
    con.execute(f"CREATE VIEW signals AS {' UNION ALL '.join(branches or [nothing])}")


def create_labels(con: duckdb.DuckDBPyConnection, tables: Sequence[tuple[int, SignalTable]]) -> None:
    """Create `labels`: step, family, signal, part, row, label of the signals that are labels."""
    branches = [
        f"SELECT {literal(table.step)} AS step, {literal(table.family)} AS family, {literal(rule)} AS signal, "
        f"part, row, label_text({value_sql(f'signals_{number}', *table.rules[rule])}) AS label "
        f"FROM files.signals_{number}"
        for number, table in tables
        for rule in sorted(table.labels)
    ]
    nothing = (
        "SELECT ''::VARCHAR AS step, ''::VARCHAR AS family, ''::VARCHAR AS signal, ''::VARCHAR AS part, "
        "0::BIGINT AS row, NULL::VARCHAR AS label WHERE false"
    )
    con.execute(f"CREATE VIEW labels AS {' UNION ALL '.join(branches or [nothing])}")


def create_applied(
    con: duckdb.DuckDBPyConnection, by_step: Mapping[str, Sequence[tuple[int, SignalTable]]]
) -> None:
    """Create `applied`: step, part, row of the documents for which a filter step measured anything."""
    branches = []
    for step, tables in by_step.items():
        counts = [
            f"signals_{number}.{quoted(column)}"
            for number, table in tables
            for column in dict.fromkeys(numerator for numerator, _ in table.rules.values())
        ]
        first, *others = (f"files.signals_{number}" for number, _ in tables)
        joins = " ".join(f"JOIN {other} USING (part, row)" for other in others)
        branches.append(
            f"SELECT {literal(step)} AS step, part, row FROM {first} {joins} "
            f"WHERE coalesce({', '.join(counts)}) IS NOT NULL"
        )
    nothing = "SELECT ''::VARCHAR AS step, ''::VARCHAR AS part, 0::BIGINT AS row WHERE false"
    con.execute(f"CREATE VIEW applied AS {' UNION ALL '.join(branches or [nothing])}")


def value_sql(table: str, numerator: str, denominator: str | None) -> str:
    """Return the SQL of one signal's value: DOUBLE, NULL where undefined."""
    top = f"{table}.{quoted(numerator)}::DOUBLE"
    return top if denominator is None else f"{top} / nullif({table}.{quoted(denominator)}, 0)::DOUBLE"
