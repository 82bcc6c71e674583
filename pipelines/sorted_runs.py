"""Sorted runs: one file a part, ordered by a 64-bit key; together they are the shuffle.

A reducer takes a range of key prefixes from every run and sorts what it got. Offsets of the 256
prefixes stand in the run's receipt, so that a reducer reads its row groups and no others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.storage import ROW_GROUP_ROWS, Folder

__all__ = ["PREFIXES", "prefix_offsets", "range_bounds", "read_range"]

PREFIXES = 256


def prefix_offsets(keys: np.ndarray) -> list[int]:
    """Return, for sorted uint64 keys, where each of the 256 one-byte prefixes begins, and the end."""
    firsts = np.arange(PREFIXES, dtype=np.uint64) << np.uint64(56)
    return [*np.searchsorted(keys, firsts, side="left").tolist(), len(keys)]


def range_bounds(entries: int, *, aim: int) -> list[tuple[int, int]]:
    """Cut the prefixes into ranges of about `aim` entries each; the number depends on `entries` alone."""
    ranges = 1
    while ranges < PREFIXES and entries > ranges * aim:
        ranges *= 2
    width = PREFIXES // ranges
    return [(start, start + width) for start in range(0, PREFIXES, width)]


def read_range(
    root: Folder,
    path: str,
    offsets: Sequence[int],
    bounds: tuple[int, int],
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """Return the rows of one run whose key prefix lies in [bounds[0], bounds[1])."""
    start, stop = offsets[bounds[0]], offsets[bounds[1]]
    with pq.ParquetFile(root / path) as file:
        if start == stop:
            return file.schema_arrow.empty_table().select(columns or file.schema_arrow.names)
        first, last = start // ROW_GROUP_ROWS, (stop - 1) // ROW_GROUP_ROWS
        table = file.read_row_groups(range(first, last + 1), columns=columns, use_threads=False)
    return table.slice(start - first * ROW_GROUP_ROWS, stop - start)
