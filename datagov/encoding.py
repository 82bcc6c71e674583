"""A table as the bytes of one Parquet file, the same for equal tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["ROW_GROUP_ROWS", "TableWriter", "encode_table"]

ROW_GROUP_ROWS = 131_072
"""Rows of a row group, but for files that choose their own."""


class TableWriter:
    """One Parquet file, written row group by row group; equal row groups give equal bytes."""

    def __init__(self, schema: pa.Schema, *, encodings: Mapping[str, str] | None = None) -> None:
        chosen = dict(encodings or {})
        self._sink = pa.BufferOutputStream()
        self._writer = pq.ParquetWriter(
            self._sink,
            schema,
            compression="zstd",
            use_dictionary=[name for name in schema.names if name not in chosen],
            column_encoding=chosen or None,
            write_statistics=True,
            store_schema=True,
        )

    def write(self, table: pa.Table) -> None:
        """Write one row group."""
        self._writer.write_table(_one_chunk(table), row_group_size=max(table.num_rows, 1))

    def finish(self) -> bytes:
        """Return the file."""
        self._writer.close()
        return bytes(self._sink.getvalue().to_pybytes())


def encode_table(
    table: pa.Table, *, row_groups: Sequence[int] | None = None, encodings: Mapping[str, str] | None = None
) -> bytes:
    """Return `table` as the bytes of one Parquet file; equal tables give equal bytes."""
    writer = TableWriter(table.schema, encodings=encodings)
    start = 0
    for length in row_groups if row_groups is not None else _fixed(table.num_rows):
        writer.write(table.slice(start, length))
        start += length
    return writer.finish()


def _one_chunk(table: pa.Table) -> pa.Table:
    """Return the table with columns of one chunk: where pages end depends on where chunks do.

    Dictionaries stay as they are: the one of all chunks may have more values than the type can number. So does a table
    without rows, which has no pages, and of which pyarrow cannot make a chunk where lists hold UUIDs.
    """
    if not table.num_rows:
        return table
    columns = [
        column if _has_dictionary(column.type) else column.combine_chunks() for column in table.columns
    ]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _has_dictionary(kind: pa.DataType) -> bool:
    if pa.types.is_nested(kind):
        return any(_has_dictionary(kind.field(index).type) for index in range(kind.num_fields))
    return bool(pa.types.is_dictionary(kind))


def _fixed(rows: int) -> list[int]:
    whole, rest = divmod(rows, ROW_GROUP_ROWS)
    return [ROW_GROUP_ROWS] * whole + ([rest] if rest or not whole else [])
