"""A part as a stream of chunks: rows in order, texts checked.

Every stage that needs text reads it here, so that measuring, comparing and exporting see the same
documents and the same characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.columns import Columns, as_string, as_text, check_columns, identity_column
from datagov.documents import folder_columns, micro_batches, read_slice, shard_schema
from datagov.errors import InputError
from datagov.ids import as_uuid, doc_ids, halves, row_ids
from datagov.shards import InputForm, Slice
from datagov.text.utf8 import invalid_rows

__all__ = ["MICRO_BATCH_BYTES", "Chunk", "Source", "exported_schema", "read_part", "scatter", "text_column"]

MICRO_BATCH_BYTES = 16 * 2**20
"""Most text bytes handled at once (a single longer document excepted)."""


@dataclass(frozen=True)
class Source:
    """What has to be known to read documents: the recipe's input and the sample."""

    root: str
    dataset: str
    form: InputForm
    sample: float
    modules: str = ""
    """Folder in which modules of user families are looked for after all other places."""
    model_files: Mapping[str, str] = field(default_factory=dict)
    """Digest -> absolute path of the files that models of filters are read from."""

    @property
    def columns(self) -> Columns:
        """Which input column holds what."""
        return self.form.columns


@dataclass(frozen=True)
class Chunk:
    """Consecutive documents of a part; at most about `MICRO_BATCH_BYTES` of text."""

    start: int
    """Row in the part of the first document."""
    shard: str
    shard_rows: np.ndarray
    """int64[N]: row in the shard of each document."""
    columns: pa.RecordBatch
    """The asked columns, text included, as they stand in the shard."""
    doc_ids: pa.Array
    text: pa.Array
    """large_binary[N]: the text's bytes."""
    problem: np.ndarray
    """uint8[N]: index into PROBLEMS."""

    @cached_property
    def rows(self) -> np.ndarray:
        """int64[M]: the documents without a problem, counted from the chunk's first."""
        return np.flatnonzero(self.problem == 0)

    @cached_property
    def texts(self) -> pa.Array:
        """large_string[M]: texts of the documents without a problem."""
        sound = self.text if len(self.rows) == len(self.text) else self.text.take(pa.array(self.rows))
        # Checked to be UTF-8 when the chunk was made: no second pass.
        return sound.view(pa.large_string())


def read_part(source: Source, slices: Sequence[Slice], columns: Sequence[str] | None) -> Iterator[Chunk]:
    """Yield the documents of a part, in row order.

    Parameters
    ----------
    source : Source
    slices : sequence of Slice
        The part's pieces.
    columns : sequence of str or None
        Input columns wanted besides the text and the id; None for all.

    Raises
    ------
    InputError
        A shard cannot be read, lacks a column, or holds a NULL id.
    """
    at = 0
    for piece in slices:
        schema = shard_schema(source.root, source.form, piece.path)
        check_columns(schema, source.columns.required(), piece.path)
        wanted = _wanted(schema, source.columns.named(), columns)
        row = piece.start
        for found in read_slice(source.root, source.form, piece, wanted):
            batch, problem = found.batch, found.problem
            shard_rows = np.arange(row, row + batch.num_rows, dtype=np.int64)
            ids = _doc_ids(source, batch, problem, piece.path, row)
            row += batch.num_rows
            if source.sample < 1:
                chosen = np.flatnonzero(_sampled(ids, source.sample))
                index = pa.array(chosen)
                batch, ids, shard_rows = batch.take(index), ids.take(index), shard_rows[chosen]
                problem = None if problem is None else problem[chosen]
            text = as_text(batch.column(source.columns.text))
            if columns is None:
                batch = batch.select(exported_schema(source.form, batch.schema, piece.path).names)
            sizes = np.diff(_offsets(text))
            for start, stop in micro_batches(sizes, MICRO_BATCH_BYTES):
                piece_text = _compact(text.slice(start, stop - start))
                yield Chunk(
                    start=at,
                    shard=piece.path,
                    shard_rows=shard_rows[start:stop],
                    columns=batch.slice(start, stop - start),
                    doc_ids=ids.slice(start, stop - start),
                    text=piece_text,
                    problem=_problems(
                        piece_text,
                        source.form.max_document_chars,
                        None if problem is None else problem[start:stop],
                    ),
                )
                at += stop - start
        if row != piece.stop:
            raise InputError(f"{piece.path}: expected rows {piece.start}-{piece.stop}, found up to {row}")


def exported_schema(form: InputForm, schema: pa.Schema, path: str) -> pa.Schema:
    """Return the columns of a shard that pass through: all but those that the output's path says as well."""
    folders = folder_columns(form, path)
    return pa.schema([field for field in schema if field.name not in folders], metadata=schema.metadata)


def scatter(table: pa.RecordBatch | pa.Table, rows: np.ndarray, length: int) -> pa.Table:
    """Spread M measured rows over N document rows; the others are NULL.

    Parameters
    ----------
    table : pyarrow RecordBatch or Table of M rows
    rows : int64[M]
        Increasing document rows.
    length : int
        N.
    """
    whole = table if isinstance(table, pa.Table) else pa.Table.from_batches([table])
    if len(rows) == length:
        return whole
    index = np.zeros(length, np.int64)
    index[rows] = np.arange(len(rows))
    missing = np.ones(length, bool)
    missing[rows] = False
    return whole.take(pa.array(index, mask=missing))


def text_column(batch: pa.RecordBatch, columns: Columns, role: str) -> pa.Array:
    """Return the id, source or url column as strings; NULLs where the input has no such column."""
    name = columns.named().get(role)
    if name is None:
        return pa.nulls(batch.num_rows, pa.string())
    return as_string(batch.column(name))


def _wanted(schema: pa.Schema, roles: Mapping[str, str], columns: Sequence[str] | None) -> list[str]:
    if columns is None:
        return list(schema.names)
    names = dict.fromkeys([*roles.values(), *columns])
    identity = identity_column(schema)
    if identity is not None:
        names[identity] = None
    return list(names)


def _doc_ids(
    source: Source, batch: pa.RecordBatch, problem: np.ndarray | None, shard: str, first: int
) -> pa.Array:
    identity = identity_column(batch.schema)
    if identity is not None:
        column = batch.column(identity)
        storage = column.storage if isinstance(column, pa.ExtensionArray) else column
        _no_null(storage, identity, shard, first)
        return as_uuid(storage.to_pylist())
    if source.columns.id is None:
        return row_ids(source.dataset, shard, first, batch.num_rows)
    ids = as_string(batch.column(source.columns.id))
    nameless = ids.is_null().to_numpy(zero_copy_only=False) & (problem > 0) if problem is not None else None
    if nameless is None or not nameless.any():
        _no_null(ids, source.columns.id, shard, first)
        return doc_ids(source.dataset, ids)
    # What could not be read has no id that could name it: its place does.
    places = row_ids(source.dataset, shard, first, len(ids))
    sound = ids.filter(pa.array(~nameless))
    _no_null(pc.if_else(pa.array(nameless), "", ids), source.columns.id, shard, first)
    named = doc_ids(source.dataset, sound).storage
    mixed = pc.replace_with_mask(places.storage, pa.array(~nameless), named)
    return pa.ExtensionArray.from_storage(pa.uuid(), mixed)


def _no_null(column: pa.Array, name: str, shard: str, first: int) -> None:
    if column.null_count:
        row = first + int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise InputError(
            f"{shard}:{row}: column {name!r} is NULL, and it names the documents. Fill it; or, if it is "
            "input.id, leave `id` out of the recipe to name documents by shard and row, and if it is a column of "
            "an earlier export, drop it"
        )


def _sampled(ids: pa.Array, fraction: float) -> np.ndarray:
    high, _ = halves(ids)
    return np.asarray((high >> np.uint64(11)).astype(np.float64) * 2.0**-53 < fraction)


def _offsets(text: pa.Array) -> np.ndarray:
    return np.frombuffer(text.buffers()[1], np.int64)[text.offset : text.offset + len(text) + 1]


def _compact(text: pa.Array) -> pa.Array:
    """Return the array with its offsets at zero and its data cut to what it uses."""
    return pa.concat_arrays([text]) if text.offset else text


def _problems(text: pa.Array, most_chars: int, of_format: np.ndarray | None) -> np.ndarray:
    problem = np.zeros(len(text), np.uint8)
    sizes = np.diff(_offsets(text))
    problem[sizes > 4 * most_chars] = 3
    problem[invalid_rows(text)] = 2
    for row in np.flatnonzero((sizes > most_chars) & (problem == 0)):
        if len(text[int(row)].as_py().decode()) > most_chars:
            problem[row] = 3
    if text.null_count:
        problem[pc.is_null(text).to_numpy(zero_copy_only=False)] = 1
    return problem if of_format is None else np.where(of_format > 0, of_format, problem)
