"""Parquet: a file is a shard, its row groups are the groups."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datagov.columns import Choice, as_text, check_columns, without_views
from datagov.errors import InputError
from datagov.files import Files, FoundFile
from datagov.ids import digest
from datagov.shards import InputForm, Rows, Shard, Slice

__all__ = ["Parquet"]

BATCH_BYTES = 16 * 2**20
"""Bytes a batch of rows aims at."""


class Parquet:
    """Parquet files."""

    name = "parquet"
    suffixes: tuple[str, ...] = (".parquet",)

    def shards(self, found: Sequence[FoundFile]) -> list[tuple[str, list[FoundFile]]]:
        """Return (shard path, its files) in path order."""
        return [(file.path, [file]) for file in found]

    def look(
        self,
        files: Files,
        path: str,
        found: Sequence[FoundFile],
        form: InputForm,
        required: Mapping[str, str],
    ) -> Shard:
        """Return what the footer says; `required` names the columns that the file must have."""
        (status,) = found
        if status.size == 0:
            raise pa.ArrowInvalid("the file is empty (0 bytes)")
        with files.open(path) as source, pq.ParquetFile(source) as file:
            metadata = file.metadata
            check_columns(file.schema_arrow, required, path)
            leaf = _leaf_index(metadata, form.columns.text)
            groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
            return Shard(
                path=path,
                size=status.size,
                mtime_ns=status.mtime_ns,
                footer=_footer_digest(source, status.size),
                group_rows=tuple(group.num_rows for group in groups),
                group_text_bytes=tuple(group.column(leaf).total_uncompressed_size for group in groups),
            )

    def schema(self, files: Files, path: str, form: InputForm) -> pa.Schema:
        """Return the columns a slice of the shard is read with."""
        del form
        with files.open(path) as source, pq.ParquetFile(source) as file:
            return file.schema_arrow

    def read(
        self, files: Files, piece: Slice, choose: Choice, form: InputForm, most_rows: int
    ) -> Iterator[Rows]:
        """Yield the slice's rows in order; the text may come as a dictionary."""
        text = form.columns.text
        with files.open(piece.path) as source, pq.ParquetFile(source) as plain:
            columns = choose(plain.schema_arrow)
            file = plain
            if (columns is None or text in columns) and _hides_length(plain.metadata, piece, text):
                # Unpacked, a few rows of it could be gigabytes; packed, a batch is as large as its pages.
                file = pq.ParquetFile(source, metadata=plain.metadata, read_dictionary=[text])
            for batch in file.iter_batches(
                batch_size=min(most_rows, _rows_a_batch(file, piece)),
                row_groups=range(*piece.groups),
                columns=columns,
                use_threads=False,
            ):
                yield Rows(without_views(batch))

    def texts(self, files: Files, path: str, rows: Sequence[int], form: InputForm) -> dict[int, bytes | None]:
        """Return the text at some rows, reading only the row groups that hold them."""
        column = form.columns.text
        found: dict[int, bytes | None] = {}
        with files.open(path) as source, pq.ParquetFile(source) as file:
            start = 0
            for group in range(file.num_row_groups):
                stop = start + file.metadata.row_group(group).num_rows
                inside = sorted({row for row in rows if start <= row < stop})
                if inside:
                    values = as_text(file.read_row_group(group, columns=[column]).column(column))
                    for row in inside:
                        found[row] = values[row - start].as_py()
                start = stop
        return found


def _leaf_index(metadata: Any, column: str) -> int:
    for index in range(metadata.num_columns):
        if metadata.schema.column(index).path == column:
            return index
    raise InputError(f"column {column!r} is nested; expected plain text")


def _footer_digest(source: pa.NativeFile, size: int) -> str:
    source.seek(max(size - 8, 0))
    length = int.from_bytes(source.read(4), "little")
    source.seek(max(size - 8 - length, 0))
    return digest(source.read(length), os.fsencode(str(size)))


def _hides_length(metadata: Any, piece: Slice, text: str) -> bool:
    """Return whether the texts of a row group may be longer than a batch, though the row group is not."""
    leaf = _leaf_index(metadata, text)
    groups = [metadata.row_group(index) for index in range(*piece.groups)]
    return any(
        group.column(leaf).has_dictionary_page
        and group.num_rows * group.column(leaf).total_uncompressed_size > BATCH_BYTES
        for group in groups
    )


def _rows_a_batch(file: Any, piece: Slice) -> int:
    """Return how many of a piece's rows make about one batch."""
    groups = [file.metadata.row_group(index) for index in range(*piece.groups)]
    size = sum(group.total_byte_size for group in groups)
    return int(min(65_536, max(1, piece.rows * BATCH_BYTES // max(size, 1))))
