"""The bounded edit distance against the whole table."""

from __future__ import annotations

import numpy as np
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.text.edit_distance import within_distance


def distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, one in enumerate(a, start=1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]


@settings(max_examples=examples(300))
@given(st.text("ab", max_size=12), st.text("abc", max_size=12), st.integers(0, 13))
def test_it_is_bounded(a: str, b: str, most: int) -> None:
    points = np.array([ord(char) for char in a + b], np.uint32)
    scratch = np.full(2 * most + 3, 99, np.int64)
    found, steps = within_distance(points, 0, len(a), len(a), len(a + b), most, 10**6, scratch)
    assert found == (distance(a, b) <= most)
    assert steps <= 1 + len(a + b) + (2 * most + 1) * (most + min(len(a), len(b)))


def test_it_gives_up() -> None:
    points = np.array([ord(char) for char in "ab" * 5000 + "cd" * 5000], np.uint32)
    scratch = np.full(2 * 9000 + 3, 99, np.int64)
    found, steps = within_distance(points, 0, 10_000, 10_000, 20_000, 9000, 30_000, scratch)
    assert not found
    assert 30_000 < steps < 50_000
