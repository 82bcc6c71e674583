"""Identities: 128 bits, functions of content and source alone, never of a counter or a run.

`doc_id` names a document for life. `content_id` names what it says, up to normal form, in every
recipe. `text_id` names the exact bytes of a text at one text state; exact deduplication compares it.
All are arrays of 16-byte values (Parquet UUID), NULL where there is nothing to name.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from xxhash import xxh3_128_digest

__all__ = ["as_uuid", "digest", "doc_ids", "halves", "hex_id", "piece_ids", "row_ids", "value_ids"]


def digest(*parts: str | bytes) -> str:
    """Return 32 hex digits naming `parts`; lengths are mixed in, so that ("ab", "c") != ("a", "bc")."""
    encoded = [part.encode() if isinstance(part, str) else part for part in parts]
    framed = b"".join(len(part).to_bytes(8, "little") + part for part in encoded)
    return xxh3_128_digest(framed).hex()


def as_uuid(values: Iterable[bytes | None]) -> pa.Array:
    """Return 16-byte values as an Arrow UUID array; None becomes NULL."""
    storage = pa.array(values, type=pa.binary(16))
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def doc_ids(dataset: str, ids: pa.Array) -> pa.Array:
    """Return the doc_id of documents that carry an id of their own.

    Parameters
    ----------
    dataset : str
        Name of the dataset, which keeps equal ids of two datasets apart.
    ids : pyarrow array of string or large_string, length N
        The documents' own ids; NULLs are not allowed.

    Returns
    -------
    pyarrow UUID array, length N
    """
    prefix = _prefix("id", dataset)
    return as_uuid([xxh3_128_digest(prefix + value.encode()) for value in ids.to_pylist()])


def row_ids(dataset: str, shard: str, start: int, rows: int) -> pa.Array:
    """Return the doc_id of documents named by their place: shard path and row.

    Parameters
    ----------
    dataset, shard : str
        Dataset name and the shard's path relative to the input root.
    start, rows : int
        First row of the shard, and how many.
    """
    prefix = _prefix("row", dataset) + shard.encode() + b"\0"
    return as_uuid([xxh3_128_digest(prefix + b"%d" % row) for row in range(start, start + rows)])


def piece_ids(parent: bytes, most_chars: int, count: int) -> pa.Array:
    """Return the doc_ids of the pieces that a document is cut into.

    Parameters
    ----------
    parent : bytes
        The document's doc_id, 16 bytes.
    most_chars : int
        Most characters of a piece: cut otherwise, its pieces are other documents.
    count : int
        How many there are.
    """
    prefix = b"datagov/piece/1\0" + parent + b"%d\0" % most_chars
    return as_uuid([xxh3_128_digest(prefix + b"%d" % number) for number in range(count)])


def value_ids(values: pa.Array) -> pa.Array:
    """Return the 128-bit xxh3 of each value's bytes; NULL and empty values have none.

    Parameters
    ----------
    values : pyarrow array of (large_)string or (large_)binary, length N
    """
    binary = values.cast(pa.large_binary())
    return as_uuid([xxh3_128_digest(value) if value else None for value in binary.to_pylist()])


def halves(ids: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return the high and low uint64[N] halves of N ids; the value under a NULL is unspecified."""
    storage = ids.storage if isinstance(ids, pa.ExtensionArray) else ids
    raw = np.frombuffer(storage.buffers()[1], dtype=">u8").reshape(-1, 2)
    window = raw[storage.offset : storage.offset + len(storage)]
    return window[:, 0].astype(np.uint64), window[:, 1].astype(np.uint64)


def hex_id(value: bytes) -> str:
    """Return the 32 hex digits by which people name a document."""
    return value.hex()


def _prefix(kind: str, dataset: str) -> bytes:
    return f"datagov/{kind}/1\0{dataset}\0".encode()
