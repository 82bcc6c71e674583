"""Records of WARC files, read as streams: where each begins, and what it holds, up to a bound."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from datagov.extras import load

__all__ = ["PAGE_KINDS", "Record", "records", "require_whole"]

PAGE_KINDS = ("response", "resource", "conversion")
"""Kinds of records that can hold a document (ISO 28500:2017, 6)."""
KINDS = frozenset((*PAGE_KINDS, "warcinfo", "request", "metadata", "revisit", "continuation"))
GZIP = b"\x1f\x8b"
READ_BYTES = 2**20


@dataclass(frozen=True)
class Record:
    """One record; its block can be read until the next is asked for."""

    kind: str
    at: int
    """Byte of the stream at which it begins; in a file that is one gzip member as a whole, of no use."""
    length: int
    """Bytes of its block, as its head says."""
    headers: dict[str, str]
    """Names in lower case."""
    _reader: Any

    @property
    def url(self) -> str | None:
        """The URL that was captured; some write it between angle brackets."""
        url = self.headers.get("warc-target-uri")
        return None if url is None else url.strip().removeprefix("<").removesuffix(">")

    def block(self, most_bytes: int) -> bytes | None:
        """Return the record's block, or None where it has more bytes than that: then nothing is read."""
        if self.length > most_bytes:
            return None
        return bytes(self._reader.read(self.length))

    def skip(self) -> int:
        """Pass over the block and return how many bytes it had."""
        return int(self._reader.consume())


def records(stream: Any) -> Iterator[Record]:
    """Yield the records of an archive, plain or gzip.

    Raises
    ------
    ArrowInvalid
        The file is no archive, or damaged; the message says from where on.
    """
    archives = load("fastwarc", expected=None, module="fastwarc.warc")
    at = number = 0
    try:
        for record in archives.ArchiveIterator(stream, parse_http=False):
            at, number = record.stream_pos, number + 1
            headers = {name.lower(): value for name, value in record.headers.items()}
            kind = headers.get("warc-type", "").strip().lower()
            yield Record(
                kind if kind in KINDS else "unknown", at, record.content_length, headers, record.reader
            )
    except OSError as error:
        where = f"after record {number}, which begins at byte {at}" if number else "at its beginning"
        raise pa.ArrowInvalid(f"is no WARC, or damaged, {where}: {error}") from error


def require_whole(source: Any, last: int) -> bool:
    """Check that an archive does not end within its last record; return whether records can be found by their places.

    Parameters
    ----------
    source : file
        Seekable, at any place.
    last : int
        Where its last record begins, as `Record.at`.

    Raises
    ------
    ArrowInvalid
        It is cut off.
    """
    source.seek(0)
    packed = source.read(2) == GZIP
    source.seek(last)
    if packed and source.read(2) != GZIP:
        _require_members(source, 0)
        return False
    source.seek(last)
    if packed:
        head = _require_members(source, last)
        if not head.startswith(b"WARC/"):
            return False
    else:
        head = source.read(READ_BYTES)
    if b"\r\n\r\n" not in head:
        raise pa.ArrowInvalid(f"is cut off, or damaged, in the record that begins at byte {last}")
    return True


def _require_members(source: Any, start: int) -> bytes:
    """Check that gzip members end where the file does; return the first bytes of the first."""
    source.seek(start)
    head = b""
    inflate = zlib.decompressobj(31)
    begun = False
    while data := source.read(READ_BYTES):
        while data:
            begun = True
            found = inflate.decompress(data, READ_BYTES)
            head = head or found
            data = inflate.unconsumed_tail
            if inflate.eof:
                data = inflate.unused_data
                inflate = zlib.decompressobj(31)
                begun = False
    if begun:
        raise pa.ArrowInvalid(f"is cut off in the gzip member of the record that begins at byte {start}")
    return head
