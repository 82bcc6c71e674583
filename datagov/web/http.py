"""HTTP answers as they are kept in web archives: their head, and their body with its codings undone.

Nothing is trusted: a head is read up to a bound, and a body is unpacked as a stream up to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

__all__ = ["Answer", "BadAnswer", "BodyTooLarge", "read_answer", "unpacked"]

HEAD_BYTES = 2**18
"""Longest head that is read."""
CODECS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "gzip", "br": "brotli", "zstd": "zstd"}
"""Content coding -> the codec of Arrow that undoes it; `deflate` is the zlib form (RFC 9110, 8.4.1.2)."""


class BadAnswer(ValueError):
    """What was kept is no HTTP answer, or its body is not coded as its head says."""


class BodyTooLarge(ValueError):
    """A body is larger, once unpacked, than what is asked for."""


@dataclass(frozen=True)
class Answer:
    """A server's answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """(name in lower case, value), in order; a name may stand more than once."""
    body: bytes
    """As sent, its codings not undone."""

    def values(self, name: str) -> list[str]:
        """Return the values of a header; `name` in lower case."""
        return [value for key, value in self.headers if key == name]

    def value(self, name: str) -> str | None:
        """Return the first value of a header, or None."""
        return next(iter(self.values(name)), None)


def read_answer(block: bytes) -> Answer:
    """Read the block of a `response` record.

    Raises
    ------
    BadAnswer
        There is no status line, or the head does not end.
    """
    head, body = _parted(block)
    lines = head.decode("utf-8", "replace").splitlines()
    status = lines[0].split(maxsplit=2) if lines else []
    if len(status) < 2 or not status[0].upper().startswith("HTTP/") or not status[1].isascii():
        raise BadAnswer("it does not begin with an HTTP status line")
    if len(status[1]) != 3 or not status[1].isdigit():
        raise BadAnswer(f"{status[1][:20]!r} is no HTTP status")
    headers: list[tuple[str, str]] = []
    for line in lines[1:]:
        if line[:1] in {" ", "\t"} and headers:
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name.strip().lower(), value.strip()))
    return Answer(int(status[1]), tuple(headers), body)


def _parted(block: bytes) -> tuple[bytes, bytes]:
    ends = [(block.find(mark, 0, HEAD_BYTES), len(mark)) for mark in (b"\r\n\r\n", b"\n\n")]
    at, length = min(((at, length) for at, length in ends if at >= 0), default=(-1, 0))
    if at < 0:
        raise BadAnswer(f"its HTTP head does not end within {HEAD_BYTES} bytes")
    return block[:at], block[at + length :]


def unpacked(answer: Answer, most_bytes: int) -> bytes:
    """Return the body without its transfer and content codings.

    Codings that a crawler undid while it left the header are told by the body: where it does not hold what
    the header says, but plain text, it is taken as it is.

    Raises
    ------
    BadAnswer
        A coding is unknown, or the body is damaged.
    BodyTooLarge
        More than `most_bytes` come of it; no more than that is held.
    """
    body = answer.body
    if "chunked" in _codings(answer.values("transfer-encoding")):
        body = _joined(body)
    for coding in reversed(_codings(answer.values("content-encoding"))):
        if coding == "identity":
            continue
        if coding not in CODECS:
            raise BadAnswer(f"the content coding {coding[:20]!r} is not known")
        body = _decoded(body, CODECS[coding], most_bytes)
    if len(body) > most_bytes:
        raise BodyTooLarge
    return body


def _codings(values: Sequence[str]) -> list[str]:
    named = [each.strip().lower() for value in values for each in value.split(",")]
    return [each for each in named if each]


def _joined(body: bytes) -> bytes:
    """Join chunks (RFC 9112, 7.1); a body that was joined before is returned as it is."""
    found: list[bytes] = []
    at = 0
    while True:
        end = body.find(b"\r\n", at, at + 4096)
        size = body[at:end].partition(b";")[0].strip() if end >= 0 else b""
        if not size or len(size) > 16 or not all(byte in b"0123456789abcdefABCDEF" for byte in size):
            if at == 0:
                return body
            raise BadAnswer("its chunks are cut off or damaged")
        length = int(size, 16)
        if length == 0:
            return b"".join(found)
        if end + 2 + length > len(body):
            raise BadAnswer("its chunks are cut off or damaged")
        found.append(body[end + 2 : end + 2 + length])
        at = end + 2 + length + 2


def _decoded(body: bytes, codec: str, most_bytes: int) -> bytes:
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), codec) as stream:
            found = bytes(stream.read(most_bytes + 1))
    except OSError as error:
        if body.lstrip()[:1] == b"<":
            return body
        raise BadAnswer(f"its body is not {codec}, or is damaged") from error
    if len(found) > most_bytes:
        raise BodyTooLarge
    return found
