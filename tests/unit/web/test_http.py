from __future__ import annotations

import gzip
import tracemalloc
import zlib
from contextlib import suppress

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_warcs import answer

from datagov.web.http import HEAD_BYTES, BadAnswer, BodyTooLarge, read_answer, unpacked

BODY = b"<p>hello</p>" * 20


def chunked(body: bytes, size: int = 7) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;n=v\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ((), BODY),
        (("Content-Encoding: gzip",), gzip.compress(BODY, mtime=0)),
        (("Content-Encoding: deflate",), zlib.compress(BODY)),
        (("Content-Encoding: br",), pa.compress(BODY, "brotli", asbytes=True)),
        (("content-encoding: zstd",), pa.compress(BODY, "zstd", asbytes=True)),
        (("Transfer-Encoding: chunked",), chunked(BODY)),
        (("Transfer-Encoding: chunked", "Content-Encoding: gzip"), chunked(gzip.compress(BODY, mtime=0))),
        (("Content-Encoding: gzip, br",), pa.compress(gzip.compress(BODY, mtime=0), "brotli", asbytes=True)),
        (("Content-Encoding: identity",), BODY),
        (("Transfer-Encoding: chunked",), BODY),
        (("Content-Encoding: gzip",), BODY),
    ],
)
def test_codings_are_undone_unless_they_were_before(headers: tuple[str, ...], body: bytes) -> None:
    assert unpacked(read_answer(answer(body, *headers)), len(BODY)) == BODY
    with pytest.raises(BodyTooLarge):
        unpacked(read_answer(answer(body, *headers)), len(BODY) - 1)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (("Content-Encoding: compress",), BODY),
        (("Content-Encoding: gzip",), gzip.compress(BODY, mtime=0)[:-12]),
        (("Content-Encoding: gzip",), b"\0\1\2"),
        (("Transfer-Encoding: chunked",), chunked(BODY)[:-30]),
        (("Transfer-Encoding: chunked",), b"5\r\nhello\r\nzz\r\n"),
        (("Transfer-Encoding: chunked",), b"-5\r\nhello\r\n"),
    ],
)
def test_damaged_and_unknown_codings_are_told(headers: tuple[str, ...], body: bytes) -> None:
    if body.startswith(b"-"):
        assert unpacked(read_answer(answer(body, *headers)), 100) == body
        return
    with pytest.raises(BadAnswer):
        unpacked(read_answer(answer(body, *headers)), 10_000)


def test_a_bomb_is_never_held() -> None:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(2**20)
    bomb = b"".join([*(squeezer.compress(zeros) for _ in range(512)), squeezer.flush()])
    assert len(bomb) < 2**20
    got = read_answer(answer(bomb, "Content-Encoding: gzip"))
    tracemalloc.start()
    with pytest.raises(BodyTooLarge):
        unpacked(got, 2**20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 2**20


@pytest.mark.parametrize(
    "block",
    [b"", b"hello", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 20\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: b",
     b"HTTP/1.1 200 OK\r\nA: " + b"b" * HEAD_BYTES + b"\r\n\r\nx"],
)  # fmt: skip
def test_what_is_no_answer_is_told(block: bytes) -> None:
    with pytest.raises(BadAnswer):
        read_answer(block)


def test_heads_are_read_leniently() -> None:
    got = read_answer(b"http/1.0 203\nX-A: one\n  two\nno colon\nx-a: three\n\nbody\n\nmore")
    assert (got.status, got.values("x-a"), got.value("x-b")) == (203, ["one two", "three"], None)
    assert got.body == b"body\n\nmore"


@given(
    block=st.binary(max_size=200)
    | st.binary(max_size=60).map(lambda data: answer(data, "Transfer-Encoding: chunked"))
)
def test_any_bytes_are_an_answer_or_are_told(block: bytes) -> None:
    with suppress(BadAnswer, BodyTooLarge):
        assert len(unpacked(read_answer(block), 50)) <= 50
