"""Stretches of documents, each of one shard, brought together into batches worth measuring.

What a stage does with a batch costs something even for a single document; shards of a few documents each are
therefore handled together. What is said of a document does not depend on its batch mates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

__all__ = ["Stretch", "joined_columns", "joined_texts", "together"]


@dataclass(frozen=True)
class Stretch:
    """Consecutive documents of one shard."""

    shard: str
    shard_rows: np.ndarray
    """int64[N]: row in the shard of each document."""
    columns: pa.RecordBatch
    doc_ids: pa.Array
    text: pa.Array
    """large_binary[N]."""
    problem: np.ndarray
    """uint8[N]: index into PROBLEMS, as the format found it."""
    pieces: pa.Table | None = None
    """Rows of the ledger's `pieces`, for the documents that are pieces of longer texts; None for none."""


def together(
    stretches: Iterable[Stretch], *, most_bytes: int, most_rows: int, as_they_stand: bool
) -> Iterator[list[Stretch]]:
    """Yield consecutive stretches that can be one batch.

    Parameters
    ----------
    stretches : iterable of Stretch
        In row order.
    most_bytes, most_rows : int
        Most that stretches may have to be brought together; a larger one is alone.
    as_they_stand : bool
        Whether columns must keep every shard's own types and metadata; else a column without a value is of any type.
    """
    held: list[Stretch] = []
    kinds: list[pa.DataType] = []
    size = rows = 0
    for stretch in stretches:
        schema = stretch.columns.schema
        fits = held and (
            size + stretch.columns.nbytes <= most_bytes and rows + stretch.columns.num_rows <= most_rows
        )
        if fits and as_they_stand:
            fits = schema.equals(held[0].columns.schema, check_metadata=True) and not _packed(schema)
        elif fits:
            found = _of_both(kinds, schema.types)
            fits = found is not None and schema.names == held[0].columns.schema.names
            kinds = kinds if found is None else found
        if held and not fits:
            yield held
            held, size, rows = [], 0, 0
        if not held:
            kinds = schema.types
        held.append(stretch)
        size += stretch.columns.nbytes
        rows += stretch.columns.num_rows
    if held:
        yield held


def joined_columns(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return batches of one kind, one after the other."""
    if len(batches) == 1:
        return batches[0]
    tables = [pa.Table.from_batches([batch]) for batch in batches]
    (whole,) = pa.concat_tables(tables, promote_options="default").combine_chunks().to_batches()
    return whole


def joined_texts(texts: Sequence[pa.Array]) -> pa.Array:
    """Return texts one after the other, with offsets from zero and the data cut to what they use."""
    return pa.concat_arrays(texts) if len(texts) > 1 or texts[0].offset else texts[0]


def _packed(schema: pa.Schema) -> bool:
    """Whether a column is a dictionary, which each shard has of its own."""
    return any(pa.types.is_dictionary(kind) for kind in schema.types)


def _of_both(kinds: Sequence[pa.DataType], others: Sequence[pa.DataType]) -> list[pa.DataType] | None:
    """Return the types that both have, a column of no type being of any; None where they differ."""
    found = []
    for kind, other in zip(kinds, others, strict=False):
        if kind != other and not (pa.types.is_null(kind) or pa.types.is_null(other)):
            return None
        found.append(other if pa.types.is_null(kind) else kind)
    return found
