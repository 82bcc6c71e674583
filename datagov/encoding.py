"""A table as the bytes of one Parquet file, the same for equal tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["ROW_GROUP_ROWS", "encode_table"]

ROW_GROUP_ROWS = 131_072
"""Rows of a row group, but for files that choose their own."""


def encode_table(
    table: pa.Table, *, row_groups: Sequence[int] | None = None, encodings: Mapping[str, str] | None = None
) -> bytes:
    """Return `table` as the bytes of one Parquet file; equal tables give equal bytes."""
    sink = pa.BufferOutputStream()
    chosen = dict(encodings or {})
    plain = [name for name in table.column_names if name not in chosen]
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        use_dictionary=plain,
        column_encoding=chosen or None,
        write_statistics=True,
        store_schema=True,
    ) as writer:
        start = 0
        for length in row_groups if row_groups is not None else _fixed(table.num_rows):
            # Where pages end depends on where the chunks of a column do: one chunk a row group.
            piece = table.slice(start, length).combine_chunks()
            writer.write_table(piece, row_group_size=max(length, 1))
            start += length
    return sink.getvalue().to_pybytes()


def _fixed(rows: int) -> list[int]:
    whole, rest = divmod(rows, ROW_GROUP_ROWS)
    return [ROW_GROUP_ROWS] * whole + ([rest] if rest or not whole else [])
