"""Units, their keys and the edit `span_dedup` against definitions in plain Python."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from edit_checks import batch, run
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.edits.span_dedup import RULES, Stretches
from datagov.edits.unit_keys import IGNORED, unit_keys
from datagov.edits.units import UNITS, units_of
from datagov.signals.sentences import measure

pieces = st.sampled_from(
    [
        *("a", "B", "b", "3", "7", "汉", "é", "😀", "ß", "İ"),
        *(" ", "\u3000", "\t", "\n", "\n\n", "\n \n", "\u00a0"),
        *(".", "!", "?!", "。", "”", ")", "(", "-", "\x07", "\u200b", "...", ". ", "。\n"),
    ]
)
texts = st.lists(pieces, max_size=25).map("".join)
documents = st.lists(texts, max_size=4)


def is_space(char: str) -> bool:
    return char.isspace() and char not in "\x1c\x1d\x1e\x1f"


def strip(text: str) -> str:
    return re.sub(r"^\s+|\s+$", "", text)


def units(texts: list[str], unit: str) -> list[list[tuple[int, int]]]:
    """(start, end) of the units of each text, in its characters."""
    made = batch(texts)
    found = units_of(made, unit)
    return [
        [
            (int(found.start[at] - made.offsets[row]), int(found.end[at] - made.offsets[row]))
            for at in range(found.offsets[row], found.offsets[row + 1])
        ]
        for row in range(len(texts))
    ]


@settings(max_examples=examples(150))
@given(documents)
def test_paragraphs_are_what_blank_lines_part(texts: list[str]) -> None:
    for text, found in zip(texts, units(texts, "paragraph"), strict=True):
        expected: list[list[str]] = []
        open_one = False
        for line in text.split("\n"):
            if not strip(line):
                open_one = False
            elif open_one:
                expected[-1].append(line)
            else:
                expected.append([line])
                open_one = True
        assert [text[start:end] for start, end in found] == ["\n".join(lines) for lines in expected]


@settings(max_examples=examples(200))
@given(documents)
def test_sentences_are_those_that_are_counted(texts: list[str]) -> None:
    counted = measure(batch(texts), {}).column("sentences").to_pylist()
    found = units(texts, "sentences")
    assert [len(each) for each in found] == counted
    for text, each in zip(texts, found, strict=True):
        assert all(any(char.isalnum() for char in text[start:end]) for start, end in each)
        assert all(strip(text[start:end]) == text[start:end] for start, end in each)
        assert all(before[1] <= after[0] for before, after in pairwise(each))
        left = "".join(
            text[before:after]
            for before, after in zip(
                [0, *(end for _, end in each)], [*(s for s, _ in each), len(text)], strict=True
            )
        )
        assert not any(char.isalnum() for char in left)


def test_sentences_take_their_marks_and_quotes() -> None:
    text = "He said “no.” Really?! Yes\n-----\n他说：“好。”然后走了……3.14 is pi."
    (found,) = units([text], "sentences")
    assert [text[start:end] for start, end in found] == [
        "He said “no.”",
        "Really?!",
        "Yes",
        "他说：“好。”",
        "然后走了……3.14 is pi.",
    ]


def said(text: str, ignore: set[str]) -> str:
    """What a unit is compared by."""
    chars = []
    for char in text:
        category = unicodedata.category(char)
        if is_space(char):
            chars.append("" if "space" in ignore else " ")
        elif "punctuation" in ignore and (category[0] == "P" or category in {"Cc", "Cf"}):
            pass
        elif "digits" in ignore and char.isdecimal():
            chars.append("0")
        else:
            lower = char.lower()
            chars.append(lower if "case" in ignore and len(lower) == 1 else char)
    return re.sub(" +", " ", "".join(chars)).strip(" ")


@settings(max_examples=examples(200))
@given(
    documents,
    st.sampled_from(UNITS),
    st.integers(1, 3),
    st.sets(st.sampled_from([name for name in IGNORED if name != "case"])),
    st.integers(1, 4),
)
def test_equal_keys_are_equal_words(
    texts: list[str], unit: str, window: int, ignore: set[str], min_chars: int
) -> None:
    made = batch(texts)
    done = unit_keys(made, units_of(made, unit), window=window, ignore=ignore, min_chars=min_chars)
    expected = {}
    for row, (text, found) in enumerate(zip(texts, units(texts, unit), strict=True)):
        for at in range(len(found) - window + 1):
            bare = tuple(said(text[start:end], ignore) for start, end in found[at : at + window])
            if sum(map(len, bare)) >= min_chars:
                expected[row, found[at][0], found[at + window - 1][1]] = bare
    places = zip(
        done.row.tolist(),
        (done.start - made.offsets[done.row]).tolist(),
        (done.end - made.offsets[done.row]).tolist(),
        strict=True,
    )
    keys = dict(zip(places, zip(done.high.tolist(), done.low.tolist(), strict=True), strict=True))
    assert list(keys) == list(expected)
    assert len(set(keys.values())) == len(set(expected.values()))
    assert len({(keys[place], expected[place]) for place in keys}) == len(set(expected.values()))


@pytest.mark.parametrize(
    ("one", "other", "ignore"),
    [
        ("Hello World", "hello world", ["case"]),
        ("Posted 12 May", "Posted 09 May", ["digits"]),
        ("Hello, world!", " Hello world", ["punctuation"]),
        ("１２ 页", "３４ 页", ["digits"]),
        ("a b\tc", "abc", ["space"]),
        ("a  b", "a\u3000b ", []),
    ],
)
def test_what_can_be_ignored(one: str, other: str, ignore: list[str]) -> None:
    def keys(ignore: list[str]) -> np.ndarray:
        made = batch([one, other])
        return unit_keys(made, made.lines, window=1, ignore=ignore, min_chars=1).high

    assert len(set(keys(ignore).tolist())) == 1
    if ignore:
        assert len(set(keys([]).tolist())) == 2


def stretches(found: list[tuple[int, int, int]]) -> Stretches:
    columns = np.array(found, np.int64).reshape(-1, 3)
    return Stretches(columns[:, 0], columns[:, 1], columns[:, 2])


@settings(max_examples=examples(200))
@given(st.data(), documents, st.sampled_from(UNITS), st.integers(1, 3))
def test_units_go_and_the_others_stay(data: Any, texts: list[str], unit: str, window: int) -> None:
    found = units(texts, unit)
    gone, chosen = set(), []
    for row, each in enumerate(found):
        for at in range(len(each) - window + 1):
            keyed = all(start < end for start, end in each[at : at + window])
            if keyed and data.draw(st.integers(0, 2)) == 0:
                chosen.append((row, each[at][0], each[at + window - 1][1]))
                gone.update((row, number) for number in range(at, at + window))
    done = run("span_dedup", texts, unit=unit, stretches=stretches(chosen))
    assert {span["rule"] for span in done.spans.to_pylist()} <= {RULES[unit]}
    for row, (text, each, after) in enumerate(zip(texts, found, done.texts.to_pylist(), strict=True)):
        kept = [text[start:end] for at, (start, end) in enumerate(each) if (row, at) not in gone]
        if unit == "line":
            assert after == "\n".join(kept)
        visible = [
            char
            for at, char in enumerate(text)
            if not is_space(char)
            and not any((row, n) in gone and start <= at < end for n, (start, end) in enumerate(each))
        ]
        assert [char for char in after if not is_space(char)] == visible
        for piece in kept:
            assert piece in after


@pytest.mark.parametrize(
    ("text", "gone", "after"),
    [
        ("One. Two. Three.", [1], "One. Three."),
        ("One. Two.\nThree.", [1], "One.\nThree."),
        ("One.\nTwo. Three.", [1], "One.\nThree."),
        ("One.\nTwo.\nThree.", [1], "One.\nThree."),
        ("一。二。三。", [1, 2], "一。"),
        ("One.\n----\nTwo.", [0], "----\nTwo."),
        ("One. Two.", [0, 1], ""),
    ],
)
def test_what_joins_sentences(text: str, gone: list[int], after: str) -> None:
    (found,) = units([text], "sentences")
    done = run("span_dedup", [text], unit="sentences", stretches=stretches([(0, *found[at]) for at in gone]))
    assert done.texts.to_pylist() == [after]
