"""Repeats against a definition in plain Python."""

from __future__ import annotations

import numpy as np
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.dedup.repeats import repeats

things = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)), max_size=30)


@settings(max_examples=examples(150))
@given(things, st.integers(2, 4), st.booleans(), st.booleans())
def test_what_is_met_often_enough_goes(
    found: list[tuple[int, int, int]], min_count: int, keep_first: bool, bucketed: bool
) -> None:
    high, low = (np.array([thing[at] for thing in found], np.uint64) for at in (0, 1))
    bucket = np.array([thing[2] for thing in found], np.int64) if bucketed else None
    keys = [thing if bucketed else thing[:2] for thing in found]
    expected = []
    for at, key in enumerate(keys):
        first, copies = keys.index(key), keys.count(key)
        if copies >= min_count and not (keep_first and at == first):
            expected.append((at, first if keep_first else -1, copies))
    done = repeats(high, low, bucket, min_count=min_count, keep_first=keep_first)
    assert list(zip(done.removed, done.keeper, done.copies, strict=True)) == expected
