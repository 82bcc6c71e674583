"""Files of lines: where to cut them, and how to read a stretch of them in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from xxhash import xxh3_128

__all__ = ["Blocks", "read_lines", "scan", "unpacked"]

BLOCK_BYTES = 4 * 2**20
"""A block ends with the first line that takes it to this size (uncompressed)."""
BLOCK_ROWS = 50_000
"""Most lines of a block."""
CHUNK_BYTES = 2**20
"""How much is read at once."""
CODECS = {".gz": "gzip", ".zst": "zstd"}
LINE_FEED = 10


@dataclass(frozen=True)
class Blocks:
    """A file of lines, cut into blocks; rows and bytes are counted before compression."""

    rows: tuple[int, ...]
    sizes: tuple[int, ...]
    digest: str
    """32 hex digits naming the bytes before compression."""


def unpacked(source: pa.NativeFile, path: str) -> pa.NativeFile:
    """Return the stream of a file's bytes before compression; the name's end says how it is compressed."""
    for suffix, codec in CODECS.items():
        if path.endswith(suffix):
            return pa.CompressedInputStream(source, codec)
    return source


def scan(stream: pa.NativeFile) -> Blocks:
    """Read a file once and cut it; where it is cut depends on its bytes alone."""
    digest = xxh3_128()
    rows: list[int] = []
    sizes: list[int] = []
    at = block_start = lines = 0
    while chunk := stream.read(CHUNK_BYTES):
        digest.update(chunk)
        ends = np.flatnonzero(np.frombuffer(chunk, np.uint8) == LINE_FEED) + at + 1
        first = 0
        while True:
            by_size = int(np.searchsorted(ends, block_start + BLOCK_BYTES, side="left"))
            last = min(max(by_size, first), first + BLOCK_ROWS - lines - 1)
            if last >= len(ends):
                break
            rows.append(lines + last + 1 - first)
            sizes.append(int(ends[last]) - block_start)
            block_start, first, lines = int(ends[last]), last + 1, 0
        lines += len(ends) - first
        at += len(chunk)
        ended = chunk.endswith(b"\n")
    if at > block_start:
        rows.append(lines + (not ended))
        sizes.append(at - block_start)
    return Blocks(tuple(rows), tuple(sizes), digest.hexdigest())


def read_lines(
    stream: pa.NativeFile, span: tuple[int, int], *, most_bytes: int, batch_bytes: int
) -> Iterator[list[bytes | None]]:
    """Yield the lines of a stretch, without their line feeds, in lists of about `batch_bytes`.

    Parameters
    ----------
    stream : pyarrow.NativeFile
        At its beginning.
    span : (int, int)
        First byte and end of the stretch, both where lines begin or end.
    most_bytes : int
        A longer line is never held in memory: it is given as None.
    batch_bytes : int
        A list is closed when its lines reach this size.
    """
    _skip(stream, span[0])
    left = span[1] - span[0]
    batch: list[bytes | None] = []
    size = 0
    begun: list[bytes] = []
    held = 0
    while left and (chunk := stream.read(min(CHUNK_BYTES, left))):
        left -= len(chunk)
        first, *others = chunk.split(b"\n")
        begun, held = _longer(begun, held, first, most_bytes)
        for piece in others:
            batch.append(b"".join(begun) if held <= most_bytes else None)
            size += held if held <= most_bytes else 0
            begun, held = _longer([], 0, piece, most_bytes)
        if size >= batch_bytes:
            yield batch
            batch, size = [], 0
    if held:
        batch.append(b"".join(begun) if held <= most_bytes else None)
    if batch:
        yield batch


def _longer(begun: list[bytes], held: int, piece: bytes, most: int) -> tuple[list[bytes], int]:
    """Add a piece to a line that has begun; a line that is too long is counted, not held."""
    held += len(piece)
    if held > most:
        return [], held
    begun.append(piece)
    return begun, held


def _skip(stream: pa.NativeFile, count: int) -> None:
    if stream.seekable():
        stream.seek(count)
        return
    while count:
        count -= len(stream.read(min(CHUNK_BYTES, count)) or bytes(count))
