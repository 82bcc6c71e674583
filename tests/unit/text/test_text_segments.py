from __future__ import annotations

import time
from itertools import chain, pairwise

import numpy as np
import pytest
import regex
import uax29
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from text_strategies import ALPHABET, BATCHES, CHARS, TEXTS, column

from datagov.text.batch import TextBatch
from datagov.text.segments import ALL_SPACE, ALL_SYMBOL, HAS_LETTER, HAS_NUMBER

WHITE_SPACE = regex.compile(r"\p{White_Space}+")


def segments_of(*texts: str) -> list[list[str]]:
    batch = TextBatch(column(list(texts)))
    found = batch.segments
    joined = "".join(texts)
    cut = [joined[a:b] for a, b in zip(found.start, found.end, strict=True)]
    return [cut[a:b] for a, b in pairwise(found.offsets)]


# Examples in the manner of the standard's own WordBreakTest, one or more for each rule.
EXAMPLES = {
    "can't stop": ["can't", " ", "stop"],
    "'and'": ["'", "and", "'"],  # WB6, WB7: a quote joins letters only between letters
    "rock 'n' roll": ["rock", " ", "'", "n", "'", " ", "roll"],
    "3.14,15": ["3.14,15"],
    "3. 4": ["3", ".", " ", "4"],
    "a.b. c": ["a.b", ".", " ", "c"],
    "A1b2": ["A1b2"],
    "a_b__1": ["a_b__1"],
    "\r\n\n\r": ["\r\n", "\n", "\r"],
    "a\r\nb": ["a", "\r\n", "b"],
    "a  \u3000b": ["a", "  \u3000", "b"],
    "a \u0301 b": ["a", " \u0301", " ", "b"],  # WB3d does not reach over a mark
    "\u0301a": ["\u0301", "a"],
    "\n\u0301a": ["\n", "\u0301", "a"],
    "a\u0301'\u0301b": ["a\u0301'\u0301b"],
    "1\u0301.\u00ad2": ["1\u0301.\u00ad2"],
    "a\u200db": ["a\u200db"],
    "ש'": ["ש'"],
    'ש"ש': ['ש"ש'],
    'ש"a': ["ש", '"', "a"],
    "汉字": ["汉", "字"],
    "のカタカナです": ["の", "カタカナ", "で", "す"],
    "カ_a": ["カ_a"],
    "👨\u200d👩\u200d👧": ["👨\u200d👩\u200d👧"],
    "👍🏽👍": ["👍🏽", "👍"],
    "🇦🇧🇦": ["🇦🇧", "🇦"],
    "🇦\u0301🇧🇦": ["🇦\u0301🇧", "🇦"],
    "a🇦🇧🇦🇧b": ["a", "🇦🇧", "🇦🇧", "b"],
    "\x00\x00": ["\x00", "\x00"],
    "": [],
}


@pytest.mark.parametrize(("text", "expected"), EXAMPLES.items())
def test_examples_of_every_rule(text: str, expected: list[str]) -> None:
    assert segments_of(text) == [expected]
    assert uax29.segments(text) == expected


@settings(max_examples=examples(300))
@given(BATCHES)
def test_segments_are_those_of_the_standard(texts: list[str]) -> None:
    assert segments_of(*texts) == [uax29.segments(text) for text in texts]


RULED = "aZש1'\".,:_カ 🇦🇧👨\u200d\u0301\u00ad\n\r"


@settings(max_examples=examples(300))
@given(st.text(st.sampled_from(RULED), max_size=12))
def test_segments_of_the_densest_alphabet(text: str) -> None:
    assert segments_of(text) == [uax29.segments(text)]


def test_all_triples_of_break_classes() -> None:
    chars = "aש1'\".,:_カ 🇦👨\u200d\u0301\n汉"
    texts = [a + b + c for a in chars for b in chars for c in chars]
    assert segments_of(*texts) == [uax29.segments(text) for text in texts]


def regex_departs(text: str) -> bool:
    """Whether `text` meets one of the places where `regex`'s (?w) is not UAX #29.

    It keeps any apostrophe with a vowel after it; it joins a lone flag half to what follows; it
    looks for the letters around a middle without passing over ignored characters; and it joins what
    follows ignored characters at the start of a text.
    """
    breaks = [uax29.word_break(char) for char in text]
    ignored = any(value in uax29.IGNORED for value in breaks)
    middle = any(value in ("SQ", "DQ", "MidNumLet", "MidLetter", "MidNum") for value in breaks)
    return (
        "RI" in breaks
        or (ignored and middle)
        or (bool(breaks) and breaks[0] in uax29.IGNORED)
        or regex.search(r"['\u2019]\P{ASCII}|['\u2019][aeiouAEIOU]", text) is not None
    )


@settings(max_examples=examples(300))
@given(
    st.one_of(
        st.text(
            st.sampled_from([c for c in ALPHABET if uax29.word_break(c) not in uax29.IGNORED]), max_size=20
        ),
        st.text(st.sampled_from([c for c in ALPHABET if c not in "'’\"״׳.,:;·‧🇦🇧"]), max_size=20),
        st.text(CHARS, max_size=20),
    )
)
def test_segments_are_those_of_regex_where_it_follows_the_standard(text: str) -> None:
    if not regex_departs(text):
        expected = [piece for piece in regex.split(r"(?V1w)\b", text) if piece]
        assert segments_of(text) == [expected]


@given(BATCHES)
def test_kinds(texts: list[str]) -> None:
    batch = TextBatch(column(texts))
    for kind, piece in zip(batch.segments.kind, chain(*segments_of(*texts)), strict=True):
        assert bool(kind & HAS_LETTER) == (regex.search(r"\p{L}", piece) is not None)
        assert bool(kind & HAS_NUMBER) == (regex.search(r"\p{N}", piece) is not None)
        assert bool(kind & ALL_SYMBOL) == (regex.fullmatch(r"[\p{P}\p{S}]+", piece) is not None)
        assert bool(kind & ALL_SPACE) == (WHITE_SPACE.fullmatch(piece) is not None)


@given(TEXTS, TEXTS)
def test_a_document_is_cut_without_its_neighbours(text: str, other: str) -> None:
    assert segments_of(other, text, other)[1] == segments_of(text)[0]


@pytest.mark.parametrize(
    "unit",
    [
        "word ",
        "x",
        "汉",
        "🇦🇧",
        "🇦",
        "a\u0301",
        "\u0301",
        "a'",
        "1.",
        "👨\u200d",
        "\r\n",
        " ",
        'ש"',
        "カ_",
        "\u00ad'",
    ],
)
def test_a_million_characters_take_linear_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    short = segments_of(unit * 300)[0]
    batch = TextBatch(column([text]))
    began = time.perf_counter()
    found = batch.segments
    assert time.perf_counter() - began < 2
    if len(short) > 100:
        assert [text[a:b] for a, b in zip(found.start[:100], found.end[:100], strict=True)] == short[:100]
    else:  # however long, one word, and perhaps what stands after it
        assert len(found.start) == len(short)
    assert found.start[0] == 0
    assert found.end[-1] == len(text)
    assert np.array_equal(found.start[1:], found.end[:-1])


def test_ignored_characters_before_a_middle_take_linear_time() -> None:
    text = ("a" + "\u0301" * 50 + "'" + "\u0301" * 50) * 10_000
    assert [len(piece) for piece in segments_of(text)[0]] == [len(text) - 51, 51]
