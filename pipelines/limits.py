"""Limits that a run found out: how parts are counted, and what the quantiles of all parts together are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagov.ledger.tables import LIMITS
from datagov.policy import Bound, Limits
from datagov.quantiles import quantile_of

__all__ = ["TALLY", "limits_of_part", "settled", "strata_of", "tally"]

TALLY = pa.schema(
    [
        pa.field("signal", pa.string(), nullable=False),
        pa.field("by", pa.string()),
        pa.field("stratum", pa.string()),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
    ]
)
"""How often each value of a signal occurs, in all documents (`by` NULL) or in those of one stratum."""


def tally(bounds: Iterable[Bound], values: Mapping[str, pa.DoubleArray], strata: pa.Array) -> pa.Table:
    """Count the values that some bounds' quantiles are taken of.

    Parameters
    ----------
    bounds : iterable of Bound
    values : mapping of str to DoubleArray
        By signal, M documents; undefined ones are in no quantile.
    strata : StringArray of M
        The documents' sources.
    """
    wanted = {(bound.signal, limit.by) for bound in bounds for limit in bound.quantiles.values()}
    tables = [TALLY.empty_table()]
    for signal, by in sorted(wanted, key=lambda key: (key[0], key[1] or "")):
        stratum = strata if by is not None else pa.nulls(len(strata), pa.string())
        table = pa.table({"stratum": stratum, "value": values[signal]}).filter(pc.field("value").is_valid())
        counted = table.group_by(["stratum", "value"], use_threads=False).aggregate([([], "count_all")])
        tables.append(named(counted, signal, by))
    return in_order(pa.concat_tables(tables))


def named(counted: pa.Table, signal: str, by: str | None) -> pa.Table:
    """Return counts of `stratum` and `value` as a table of `TALLY`."""
    rows = counted.num_rows
    columns = {
        "signal": pa.array([signal] * rows, pa.string()),
        "by": pa.array([by] * rows, pa.string()),
        "stratum": counted.column("stratum"),
        "value": counted.column("value"),
        "count": counted.column("count_all"),
    }
    return pa.table(columns, schema=TALLY)


def in_order(table: pa.Table) -> pa.Table:
    """Return a tally ordered by signal, stratum and value, so that equal tallies are equal tables."""
    return table.sort_by([(name, "ascending") for name in ("signal", "by", "stratum", "value")])


def settled(bounds: Sequence[Bound], tallies: Sequence[pa.Table]) -> pa.Table:
    """Return the limits that some bounds' quantiles come to, as a table of `LIMITS`.

    One row a limit and stratum in the order of the bounds; a stratum without a defined value has none. Where a
    quantile of all documents has none to be taken of, its limit is NULL.
    """
    keys = ["signal", "by", "stratum", "value"]
    joined = pa.concat_tables(tallies)
    summed = joined.group_by(keys, use_threads=False).aggregate([("count", "sum")])
    summed = in_order(
        pa.table(
            [summed.column(f"{name}_sum" if name == "count" else name) for name in TALLY.names], schema=TALLY
        )
    )
    rows = []
    for bound in bounds:
        for name, quantile in bound.quantiles.items():
            mine = summed.filter((pc.field("signal") == bound.signal) & same(pc.field("by"), quantile.by))
            for stratum, values, counts in by_stratum(mine, one=quantile.by is None):
                rows.append(
                    {
                        "signal": bound.signal,
                        "bound": name,
                        "quantile": quantile.quantile,
                        "by": quantile.by,
                        "stratum": stratum,
                        "limit": quantile_of(values, counts, quantile),
                        "documents": int(counts.sum()),
                    }
                )
    return pa.Table.from_pylist(rows, schema=LIMITS)


def same(field: pc.Expression, value: str | None) -> pc.Expression:
    """Return whether a field has a value, NULL being one."""
    return field.is_null() if value is None else field == value


def by_stratum(table: pa.Table, *, one: bool) -> list[tuple[str | None, np.ndarray, np.ndarray]]:
    """Return (stratum, values, counts) of an ordered tally of one signal; of all documents, one entry always."""
    values, counts = table.column("value").to_numpy(), table.column("count").to_numpy()
    if one:
        return [(None, values, counts)]
    strata = table.column("stratum").to_pylist()
    starts = [at for at in range(len(strata)) if at == 0 or strata[at] != strata[at - 1]]
    return [
        (strata[start], values[start:stop], counts[start:stop])
        for start, stop in pairwise([*starts, len(strata)])
    ]


def strata_of(documents: Path) -> pa.Array:
    """Return the source of every document of a part."""
    column = pq.read_table(documents, columns=["source"], use_threads=False).column("source").combine_chunks()
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def limits_of_part(table: pa.Table, documents: Path) -> Limits:
    """Return the limits of a table of `LIMITS` as they hold for the documents of one part."""
    found: dict[tuple[str, str], float | np.ndarray] = {}
    for (signal, name, by), rows in grouped(table).items():
        limit = rows.column("limit").fill_null(np.nan).to_numpy()
        if by is None:
            found[signal, name] = float(limit[0])
            continue
        which = pc.index_in(strata_of(documents), value_set=rows.column("stratum").combine_chunks())
        at = which.fill_null(len(limit)).to_numpy()
        found[signal, name] = np.append(limit, np.nan)[at]
    return found


def grouped(table: pa.Table) -> dict[tuple[str, str, str | None], pa.Table]:
    """Return the rows of each limit: (signal, min | max, by) -> its strata."""
    keys = list(zip(*(table.column(name).to_pylist() for name in ("signal", "bound", "by")), strict=True))
    places: dict[tuple[str, str, str | None], list[int]] = {}
    for at, key in enumerate(keys):
        places.setdefault(key, []).append(at)
    return {key: table.take(rows) for key, rows in places.items()}
