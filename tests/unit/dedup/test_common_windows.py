"""Anchors and windows together against a definition in plain Python: every window of every text."""

from __future__ import annotations

from random import Random

import numpy as np
import pyarrow as pa
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.dedup.windows import Excerpts, shared
from datagov.edits.anchors import anchors
from datagov.text.batch import TextBatch


def oracle(
    texts: list[str], length: int, min_count: int, keep_first: bool, buckets: list[int]
) -> list[set[int]]:
    """The characters of each text that go."""
    places: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for row, text in enumerate(texts):
        for at in range(len(text) - length + 1):
            places.setdefault((buckets[row], text[at : at + length]), []).append((row, at))
    gone: list[set[int]] = [set() for _ in texts]
    for found in places.values():
        first_row, first_at = found[0]
        for row, at in found if len(found) >= min_count else ():
            if not keep_first or row != first_row or at >= first_at + length:
                gone[row].update(range(at, at + length))
    return gone


@st.composite
def documents(draw: st.DrawFn) -> list[str]:
    """Texts that quote one another, and repeat themselves."""
    random = Random(draw(st.integers(0, 10**6)))
    letters = random.choice(["a", "ab", "abcdefgh", "汉字今天气好的我们", "a😀"])
    texts: list[str] = []
    for _ in range(draw(st.integers(0, 6))):
        text = ""
        for _ in range(random.randrange(5)):
            source = random.choice([*texts, text, ""])
            if source and random.random() < 0.6:
                start = random.randrange(len(source))
                text += source[start : start + random.randrange(30)]
            else:
                text += "".join(random.choices(letters, k=random.randrange(12)))
        texts.append(text)
    return texts


def excerpts(texts: list[str], length: int) -> Excerpts:
    batch = TextBatch(pa.array(texts, pa.large_string()))
    found = anchors(batch, length)
    pieces = [batch.code_points[:0]]
    for at in range(len(found.row)):
        first = batch.offsets[found.row[at]]
        pieces.append(batch.code_points[first + found.start[at] : first + found.end[at]])
    offsets = np.concatenate([[0], np.cumsum(found.end - found.start)]).astype(np.int64)
    return Excerpts(
        np.concatenate(pieces), offsets, found.row, found.start, found.place - found.start, found.high
    )


@settings(max_examples=examples(200))
@given(documents(), st.integers(3, 20), st.integers(2, 3), st.booleans(), st.booleans())
def test_every_window_that_stands_elsewhere_goes(
    texts: list[str], length: int, min_count: int, keep_first: bool, bucketed: bool
) -> None:
    made = excerpts(texts, length)
    bucket = made.document // 2 if bucketed else None
    done = shared(made, bucket, length=length, min_count=min_count, keep_first=keep_first)
    gone: list[set[int]] = [set() for _ in texts]
    for row, start, end, keeper, place, copies in zip(
        done.document, done.start, done.end, done.keeper, done.keeper_start, done.copies, strict=True
    ):
        gone[row].update(range(start, end))
        assert copies >= min_count
        assert (keeper >= 0) == keep_first
        if keep_first:
            assert texts[keeper][place : place + end - start] == texts[row][start:end]
            assert (keeper, place) < (row, start)
    buckets = [row // 2 if bucketed else 0 for row in range(len(texts))]
    assert gone == oracle(texts, length, min_count, keep_first, buckets)


@settings(max_examples=examples(100))
@given(documents(), st.integers(1, 20))
def test_every_window_has_one_anchor_by_what_it_says(texts: list[str], length: int) -> None:
    found = anchors(TextBatch(pa.array(texts, pa.large_string())), length)
    seen: dict[str, tuple[int, int]] = {}
    windows = []
    for row, start, end, place, high in zip(
        found.row, found.start, found.end, found.place, found.high, strict=True
    ):
        for at in range(start, end - length + 1):
            said = (int(place) - at, int(high))
            assert seen.setdefault(texts[row][at : at + length], said) == said
            windows.append((row, at))
    assert windows == [(row, at) for row, text in enumerate(texts) for at in range(len(text) - length + 1)]
