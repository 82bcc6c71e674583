"""A part as a stream of chunks: rows in order, texts checked.

Every stage that needs text reads it here, so that measuring, comparing and exporting see the same
documents and the same characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.columns import Choice, Columns, as_string, as_text, check_columns, identity_column, text_sizes
from datagov.documents import MOST_ROWS, folder_columns, micro_batches, read_slice
from datagov.errors import InputError
from datagov.shards import MOST_UTF8, InputForm, Slice
from datagov.text.utf8 import invalid_rows
from pipelines.cutting import cut_long
from pipelines.identities import doc_ids_of, sampled
from pipelines.stretches import Stretch, joined_columns, joined_texts, together

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
    shards: pa.Array
    """string[N]: shard of each document; documents of one shard stand together."""
    shard_rows: np.ndarray
    """int64[N]: row in the shard of each document."""
    columns: pa.RecordBatch
    """The asked columns; the text is that of `text`, the others are as they stand in the shard."""
    doc_ids: pa.Array
    text: pa.Array
    """large_binary[N]: the text's bytes."""
    unreadable: np.ndarray
    """uint8[N]: index into PROBLEMS, of documents that their format could not read."""
    most_chars: int
    """Most code points of a document that is not too long."""
    pieces: pa.Table | None = None
    """Rows of the ledger's `pieces`, for the documents that are pieces of longer texts; None for none."""
    wanted: np.ndarray | None = None
    """bool[N]: the documents that are looked at, known to have no problem; None for all."""

    @cached_property
    def problem(self) -> np.ndarray:
        """uint8[N]: index into PROBLEMS; found out when it is asked for."""
        return _problems(self.text, self.most_chars, self.unreadable)

    @cached_property
    def rows(self) -> np.ndarray:
        """int64[M]: the documents that are looked at and have no problem, counted from the chunk's first."""
        return np.flatnonzero(self.problem == 0 if self.wanted is None else self.wanted)

    @cached_property
    def texts(self) -> pa.Array:
        """large_string[M]: their texts."""
        sound = self.text if len(self.rows) == len(self.text) else self.text.take(pa.array(self.rows))
        # Without a problem they are UTF-8: no second pass.
        return sound.view(pa.large_string())


def read_part(source: Source, slices: Sequence[Slice], columns: Sequence[str] | None) -> Iterator[Chunk]:
    """Yield the documents of a part, in row order; small shards share a chunk where their columns are alike.

    Parameters
    ----------
    source : Source
    slices : sequence of Slice
        The part's pieces.
    columns : sequence of str or None
        Input columns wanted besides the text and the id, of which types may be made one; None for all, as they
        stand.

    Raises
    ------
    InputError
        A shard cannot be read, lacks a column, or holds a NULL id.
    """
    at = 0
    stretches = _stretches(source, slices, columns)
    for found in together(
        stretches, most_bytes=MICRO_BATCH_BYTES, most_rows=MOST_ROWS, as_they_stand=columns is None
    ):
        text = joined_texts([stretch.text for stretch in found])
        lengths = [len(stretch.text) for stretch in found]
        yield Chunk(
            start=at,
            shards=pa.array([stretch.shard for stretch in found]).take(
                pa.array(np.repeat(range(len(found)), lengths))
            ),
            shard_rows=np.concatenate([stretch.shard_rows for stretch in found]),
            columns=joined_columns([stretch.columns for stretch in found]),
            doc_ids=pa.concat_arrays([stretch.doc_ids for stretch in found]),
            text=text,
            unreadable=np.concatenate([stretch.problem for stretch in found]),
            most_chars=source.form.max_document_chars,
            pieces=_joined_pieces(found),
        )
        at += len(text)


def _joined_pieces(stretches: Sequence[Stretch]) -> pa.Table | None:
    tables = [stretch.pieces for stretch in stretches if stretch.pieces is not None]
    return pa.concat_tables(tables) if tables else None


def _stretches(source: Source, slices: Sequence[Slice], columns: Sequence[str] | None) -> Iterator[Stretch]:
    """Yield the documents of a part in stretches of at most `MICRO_BATCH_BYTES` of text."""
    name = source.columns.text
    for piece in slices:
        row = piece.start
        for found in read_slice(source.root, source.form, piece, _choice(source, piece.path, columns)):
            batch = found.batch
            count = batch.num_rows
            shard_rows = np.arange(row, row + count, dtype=np.int64)
            problem = np.zeros(count, np.uint8) if found.problem is None else found.problem
            ids = doc_ids_of(source.dataset, source.columns.id, batch, problem, shard=piece.path, first=row)
            row += count
            if source.sample < 1:
                chosen = np.flatnonzero(sampled(ids, source.sample))
                index = pa.array(chosen)
                batch, ids = batch.take(index), ids.take(index)
                shard_rows, problem = shard_rows[chosen], problem[chosen]
            packed = batch.column(name)
            if columns is None:
                batch = batch.select(exported_schema(source.form, batch.schema, piece.path).names)
            # The text goes its own way: long ones are cut, dictionaries unpacked a little at a time.
            batch = batch.set_column(batch.schema.get_field_index(name), name, pa.nulls(len(packed)))
            for start, stop in micro_batches(text_sizes(packed), MICRO_BATCH_BYTES):
                asked = batch.slice(start, stop - start)
                whole = Stretch(
                    shard=piece.path,
                    shard_rows=shard_rows[start:stop],
                    columns=asked if columns is None else _unpacked(asked),
                    doc_ids=ids.slice(start, stop - start),
                    text=as_text(packed.slice(start, stop - start)),
                    problem=problem[start:stop],
                )
                yield from _cut(whole, source.form)
        if row != piece.stop:
            raise InputError(f"{piece.path}: expected rows {piece.start}-{piece.stop}, found up to {row}")


def _cut(whole: Stretch, form: InputForm) -> Iterator[Stretch]:
    """Yield a stretch, its long texts cut into documents of their own where the recipe says so."""
    cut = None
    if form.long_documents == "split":
        cut = cut_long(whole.text, whole.doc_ids, whole.problem, form.max_document_chars)
    if cut is None:
        yield replace(whole, columns=_with_text(whole.columns, whole.text, form))
        return
    for start, stop in micro_batches(text_sizes(cut.text), MICRO_BATCH_BYTES):
        rows = pa.array(cut.index[start:stop])
        text = joined_texts([cut.text.slice(start, stop - start)])
        pieces = [table for table in cut.pieces[start:stop] if table is not None]
        yield Stretch(
            shard=whole.shard,
            shard_rows=whole.shard_rows[cut.index[start:stop]],
            columns=_with_text(whole.columns.take(rows), text, form),
            doc_ids=cut.doc_ids.slice(start, stop - start),
            text=text,
            problem=whole.problem[cut.index[start:stop]],
            pieces=pa.concat_tables(pieces) if pieces else None,
        )


def _with_text(columns: pa.RecordBatch, text: pa.Array, form: InputForm) -> pa.RecordBatch:
    name = form.columns.text
    return columns.set_column(columns.schema.get_field_index(name), name, text)


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


def _choice(source: Source, shard: str, columns: Sequence[str] | None) -> Choice:
    """Return the choice of what a stage needs of a shard, which must have the columns the recipe names."""

    def choose(schema: pa.Schema) -> list[str] | None:
        check_columns(schema, source.columns.required(), shard)
        if columns is None:
            return None
        names = dict.fromkeys([*source.columns.named().values(), *columns])
        identity = identity_column(schema)
        if identity is not None:
            names[identity] = None
        return list(names)

    return choose


def _unpacked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch without dictionaries: how a shard encodes a column is its own affair."""
    for place, column in enumerate(batch.schema):
        if pa.types.is_dictionary(column.type):
            batch = batch.set_column(place, column.name, batch.column(place).dictionary_decode())
    return batch


def _offsets(text: pa.Array) -> np.ndarray:
    return np.frombuffer(text.buffers()[1], np.int64)[text.offset : text.offset + len(text) + 1]


def _problems(text: pa.Array, most_chars: int, of_format: np.ndarray) -> np.ndarray:
    problem = np.zeros(len(text), np.uint8)
    sizes = np.diff(_offsets(text))
    problem[sizes > MOST_UTF8 * most_chars] = 3
    problem[invalid_rows(text)] = 2
    for row in np.flatnonzero((sizes > most_chars) & (problem == 0)):
        if len(text[int(row)].as_py().decode()) > most_chars:
            problem[row] = 3
    if text.null_count:
        problem[pc.is_null(text).to_numpy(zero_copy_only=False)] = 1
    return np.where(of_format > 0, of_format, problem)
