from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from text_strategies import BATCHES, column

from datagov.errors import InputError
from datagov.text import utf8
from datagov.text.utf8 import byte_view, code_points, encode_rows, invalid_rows

BOUNDARIES = [
    b"\x00\x7f",
    b"\x80",
    b"\xbf",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xc2\x80",
    b"\xc2",
    b"\xdf\xbf",
    b"\xe0\x80\x80",
    b"\xe0\x9f\xbf",
    b"\xe0\xa0\x80",
    b"\xe1\x80",
    b"\xed\x9f\xbf",
    b"\xed\xa0\x80",  # a lone surrogate
    b"\xed\xbf\xbf",
    b"\xee\x80\x80",
    b"\xef\xbf\xbf",
    b"\xf0\x80\x80\x80",
    b"\xf0\x8f\xbf\xbf",
    b"\xf0\x90\x80\x80",
    b"\xf0\x90\x80",
    b"\xf4\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xff",
    b"\xe4\xb8\xadA\xe4\xb8",
    b"A" * 31 + b"\xe4\xb8\xad" + b"B" * 40,
    b"A" * 40 + b"\xe4",
]
PIECES = st.sampled_from([*BOUNDARIES, b"A" * 33, "汉字é👨".encode()])


def is_invalid(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


@given(st.lists(st.one_of(st.binary(max_size=40), st.lists(PIECES, max_size=6).map(b"".join)), max_size=8))
def test_invalid_rows_are_those_python_cannot_decode(rows: list[bytes]) -> None:
    array = pa.array(rows, type=pa.large_binary())
    assert invalid_rows(array).tolist() == [is_invalid(row) for row in rows]


def test_every_boundary_of_the_encoding() -> None:
    array = pa.array(BOUNDARIES, type=pa.large_binary())
    assert invalid_rows(array).tolist() == [is_invalid(row) for row in BOUNDARIES]
    # A row may not borrow the bytes of the next one.
    assert invalid_rows(pa.array([b"\xe4\xb8", b"\xad"], type=pa.large_binary())).tolist() == [True, True]


def test_invalid_rows_of_strings_nulls_and_slices() -> None:
    strings = pa.array(["a", None, "é"], type=pa.large_string())
    assert invalid_rows(strings).tolist() == [False, False, False]
    binary = pa.array([b"\xff", b"a", None, b"\xe4\xb8"], type=pa.large_binary())
    assert invalid_rows(binary.slice(1)).tolist() == [False, False, True]
    assert invalid_rows(pa.array([], type=pa.large_binary())).tolist() == []


@given(BATCHES, st.integers(0, 3))
def test_code_points_are_those_of_the_texts(texts: list[str], skipped: int) -> None:
    array = column(texts).slice(min(skipped, len(texts)))
    points, offsets = code_points(array)
    assert points.dtype == np.uint32
    assert offsets.dtype == np.int64
    found = ["".join(map(chr, points[a:b])) for a, b in pairwise(offsets)]
    assert found == texts[min(skipped, len(texts)) :]


@settings(max_examples=examples(30))
@given(st.text("a汉é👨", min_size=1, max_size=5), st.integers(1, 100))
def test_code_points_around_block_ends(text: str, ascii_run: int) -> None:
    long = ("x" * ascii_run + text) * 5
    points, _ = code_points(column([long]))
    assert "".join(map(chr, points)) == long


def test_a_million_characters() -> None:
    for text in ("x" * 1_000_000, "汉" * 1_000_000, "x👨" * 500_000):
        points, offsets = code_points(column([text]))
        assert offsets.tolist() == [0, len(text)]
        assert points.astype("<u4").tobytes().decode("utf-32-le") == text


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match="large_string"):
        byte_view(pa.array(["a"], type=pa.string()))


def test_more_characters_than_positions_reach_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utf8, "MAX_CHARS", 5)
    with pytest.raises(InputError, match="split the batch"):
        code_points(column(["abc", "def"]))
    assert len(code_points(column(["ab", "cde"]))[0]) == 5


@settings(max_examples=examples(60))
@given(BATCHES)
def test_encoding_is_the_reverse_of_decoding(texts: list[str]) -> None:
    points, offsets = code_points(column(texts))
    again = encode_rows(points, offsets)
    again.validate(full=True)
    assert again.to_pylist() == texts


def test_every_length_of_sequence_is_encoded() -> None:
    texts = ["\x00\x7f", "\x80\u07ff", "\u0800\uffff", "\U00010000\U0010ffff", ""]
    assert encode_rows(*code_points(pa.array(texts, pa.large_string()))).to_pylist() == texts
