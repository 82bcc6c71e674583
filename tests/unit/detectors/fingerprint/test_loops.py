"""Loops in texts of the shapes that published lists of candidates have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.fingerprint.loops import find_loop

FROM_SEED = {
    "planted word, comma": "ハリネズミ, ハリネズミ, ハリネズミ, ハリネズミ, ハリ",
    "planted word, brackets": "ハリネズミ>, <ハリネズミ>, <ハリネズミ>",
    "phrase": "the owl knows. The owl knows. THE OWL KNOWS. the",
}
LATER = {
    "heading, then a loop": "Einzelnachweise und Weblinks Kategorie Ort in Bayern Ort in Bayern Ort in Bayern",
    "city, then a loop": "Санкт-Петербург, Москва, Россия, Россия, Россия",
    "several words, then a loop": "Externí odkazy Oficiální stránky města města města města",
}
NONE = {
    "ruler": "━━━━━━━━━━━━━━━━━━━━━━",
    "percent": "%%%%%%%%%%%%%%%%%%",
    "one letter": "aaaaaaaaaaaaaaaaaaaa",
    "two letters": "abababababababab",
    "a word of two letters": " ys ys ys ys ys ys ys ys ys",
    "two characters": "你好你好你好你好你好你好",
    "prose": "Permission is hereby granted, free of charge, to any person obtaining a copy",
    "arrow function": "generated = () => { return this.state; }",
    "twice": "hedgehog hedgehog",
    "nothing": "",
}


@pytest.mark.parametrize("text", FROM_SEED.values(), ids=FROM_SEED)
def test_a_loop_that_begins_with_the_seed(text: str) -> None:
    loop = find_loop(text)
    assert loop is not None
    assert loop.from_seed
    assert loop.count >= 3


@pytest.mark.parametrize("text", LATER.values(), ids=LATER)
def test_a_loop_that_begins_later_is_not_from_the_seed(text: str) -> None:
    loop = find_loop(text)
    assert loop is not None
    assert not loop.from_seed


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_no_loop(text: str) -> None:
    assert find_loop(text) is None


@given(st.text("abcdexyz", max_size=12), st.text("abcde", min_size=3, max_size=6), st.integers(0, 5))
def test_the_loop_found_is_periodic_and_the_smallest(head: str, unit: str, times: int) -> None:
    text = head + unit * times
    loop = find_loop(text)
    periods = [period for period in range(3, len(text) // 3 + 1) if tail(text, period) is not None]
    assert (loop is None) == (not periods)
    if loop is not None:
        assert len(loop.unit) == periods[0]
        assert round(loop.coverage * len(text)) == tail(text, periods[0])


def tail(text: str, period: int) -> int | None:
    """Return the length of the periodic end, character by character; None if it is no loop."""
    length = period
    while length < len(text) and text[-length - 1] == text[-length - 1 + period]:
        length += 1
    unit = text[len(text) - length :][:period]
    repeated = any(unit == unit[:part] * (period // part) for part in range(1, period))
    return length if length >= 3 * period and not repeated else None
