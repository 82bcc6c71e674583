"""Columns carried beside a document for decisions across documents: keep columns and scopes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import xxhash

from datagov.columns import as_string, as_text
from datagov.dedup.keeper import KeepPolicy
from datagov.errors import InputError
from pipelines.removals import KEEP_PREFIX
from pipelines.texts import Chunk, Source

__all__ = ["fixed_bytes", "joined", "keep_columns", "key_values", "sampled_rows", "scopes"]


def fixed_bytes(column: pa.ChunkedArray) -> np.ndarray:
    """Return a fixed-size binary column without NULLs as uint8[N, width]."""
    width = column.type.byte_width
    pieces = [
        np.frombuffer(chunk.buffers()[1], np.uint8).reshape(-1, width)[
            chunk.offset : chunk.offset + len(chunk)
        ]
        for chunk in column.chunks
    ]
    return np.concatenate(pieces) if pieces else np.zeros((0, width), np.uint8)


def sampled_rows(rows: int, most: int) -> np.ndarray:
    """Return int64: at most `most` of `rows` row numbers, evenly spread."""
    return np.unique(np.linspace(0, max(rows - 1, 0), min(rows, most)).astype(np.int64))


def key_values(column: pa.Array) -> pa.Array:
    """Return a column's values as bytes (large_binary) that are equal where the values are; NULL stays.

    Raises
    ------
    InputError
        The column's type has no plain text form.
    """
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return as_text(column if binary else as_string(column))


def keep_columns(policy: KeepPolicy, chunk: Chunk, source: Source, rows: np.ndarray) -> dict[str, pa.Array]:
    """Return the input columns a keep policy reads, for some documents of a chunk, as they stand."""
    index = pa.array(rows)
    found = {}
    for name in policy.columns:
        found[KEEP_PREFIX + name] = chunk.columns.column(source.columns.resolve(name)).take(index)
    return found


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Return tables with keep columns, one after the other; of two types the wider serves.

    Raises
    ------
    InputError
        A column the keep policy reads has types in different shards that do not go together.
    """
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        text = str(error).replace(KEEP_PREFIX, "")
        raise InputError(
            f"a column that `keep` reads is not of one type in all shards ({text}). "
            "Write it with one type, or leave it out of the keep policy"
        ) from error


def scopes(within: Sequence[str], chunk: Chunk, source: Source, rows: np.ndarray) -> np.ndarray | None:
    """Return uint64[M] naming the scope of each document, or None when there is one scope for all.

    Documents whose columns `within` differ are never compared. NULL is a scope of its own.
    """
    if not within:
        return None
    index = pa.array(rows)
    columns = [
        as_string(chunk.columns.column(source.columns.resolve(name)).take(index)).to_pylist()
        for name in within
    ]
    return np.array(
        [xxhash.xxh3_64_intdigest(repr(values).encode()) for values in zip(*columns, strict=True)], np.uint64
    )
