"""Cutting stretches of characters: against slices, with batches in which nothing goes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.edits.cutting import cut_stretches
from datagov.text.batch import TextBatch

stretches = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(1, 4)), max_size=6)


@settings(max_examples=examples(100))
@given(st.lists(st.text("ab好\n", min_size=9, max_size=12), min_size=3, max_size=3), stretches)
def test_what_lies_in_a_stretch_goes_and_stretches_that_touch_are_one(
    texts: list[str], found: list[tuple[int, int, int]]
) -> None:
    batch = TextBatch(pa.array(texts, pa.large_string()))
    found = sorted(found)
    row, start, size = (np.array([each[at] for each in found], np.int64) for at in range(3))
    first = batch.offsets[row] + start
    done = cut_stretches(batch, row, first, first + size, "repeat", counted="gone")
    gone = [set() for _ in texts]
    for at, begin, length in found:
        gone[at] |= set(range(begin, begin + length))
    kept = ["".join(c for i, c in enumerate(text) if i not in gone[at]) for at, text in enumerate(texts)]
    assert done.texts.to_pylist() == kept
    told = [set() for _ in texts]
    for span in done.spans.to_pylist():
        told[span["row"]] |= set(range(span["start"], span["end"]))
    assert told == gone
