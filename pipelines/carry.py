"""Columns carried beside a document for decisions across documents: keep columns and scopes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import xxhash

from datagov.dedup.keeper import KeepPolicy
from datagov.documents import as_string
from pipelines.removals import KEEP_PREFIX
from pipelines.texts import Chunk, Source

__all__ = ["keep_columns", "scopes"]


def keep_columns(policy: KeepPolicy, chunk: Chunk, source: Source, rows: np.ndarray) -> dict[str, pa.Array]:
    """Return the input columns a keep policy reads, for some documents of a chunk, as they stand."""
    index = pa.array(rows)
    return {
        KEEP_PREFIX + name: chunk.columns.column(source.columns.resolve(name)).take(index)
        for name in policy.columns
    }


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
