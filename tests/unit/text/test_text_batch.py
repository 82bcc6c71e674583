from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import regex
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from text_strategies import BATCHES, column

from datagov.errors import InputError
from datagov.text.batch import TextBatch
from datagov.text.tables import SCRIPTS
from datagov.text.warm import warm

DERIVED = ("decoded", "classes", "lines", "segments", "words", "tokens", "script_counts", "chars")
REGEX_SCRIPTS = {
    "han": r"\p{sc=Han}",
    "kana": r"[\p{sc=Hira}\p{sc=Kana}ー]",
    "latin": r"\p{sc=Latin}",
    "cyrillic": r"\p{sc=Cyrillic}",
    "hangul": r"\p{sc=Hangul}",
    "thai": r"\p{sc=Thai}",
    "hebrew": r"\p{sc=Hebrew}",
}


def arrays(value: object) -> dict[str, np.ndarray]:
    if isinstance(value, np.ndarray):
        return {"": value}
    if isinstance(value, tuple):
        return dict(zip("01", value, strict=True))
    return dict(vars(value))


def assert_same(left: TextBatch, right: TextBatch) -> None:
    for name in DERIVED:
        one, other = arrays(getattr(left, name)), arrays(getattr(right, name))
        for part, array in one.items():
            assert array.dtype == other[part].dtype, (name, part)
            assert np.array_equal(array, other[part]), (name, part)


@given(BATCHES)
def test_lines_are_those_of_split(texts: list[str]) -> None:
    batch = TextBatch(column(texts))
    joined = "".join(texts)
    lines = [joined[a:b] for a, b in zip(batch.lines.start, batch.lines.end, strict=True)]
    offsets = batch.lines.offsets
    assert [lines[a:b] for a, b in pairwise(offsets)] == [t.split("\n") for t in texts]


@given(BATCHES)
def test_chars_and_scripts(texts: list[str]) -> None:
    batch = TextBatch(column(texts))
    assert batch.n == len(texts)
    assert batch.chars.tolist() == [len(text) for text in texts]
    assert batch.script_counts.shape == (len(texts), len(SCRIPTS))
    assert batch.script_counts.sum(axis=1).tolist() == [len(regex.findall(r"\p{L}", text)) for text in texts]
    for script, pattern in REGEX_SCRIPTS.items():
        counts = batch.script_counts[:, SCRIPTS.index(script)].tolist()
        letters = [
            sum(regex.match(r"\p{L}", char) is not None for char in regex.findall(pattern, text))
            for text in texts
        ]
        if script == "kana":
            # Some marks are kana by their script extensions alone.
            assert all(count >= found for count, found in zip(counts, letters, strict=True))
        else:
            assert counts == letters, script


@settings(max_examples=examples(150))
@given(BATCHES, st.data())
def test_select_carries_over_what_a_fresh_batch_derives(texts: list[str], data: st.DataObject) -> None:
    mask = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts))), dtype=np.bool_
    )
    derived = data.draw(st.sets(st.sampled_from(DERIVED)))
    batch = TextBatch(column(texts))
    for name in derived:
        getattr(batch, name)
    chosen = batch.select(mask)
    assert set(derived) - {"chars"} <= chosen.__dict__.keys()
    fresh = TextBatch(column([text for text, keep in zip(texts, mask, strict=True) if keep]))
    assert chosen.texts.equals(fresh.texts)
    assert_same(chosen, fresh)


@given(BATCHES, st.integers(0, 3))
def test_a_slice_of_a_column_is_read_from_its_first_row(texts: list[str], skipped: int) -> None:
    start = min(skipped, len(texts))
    assert_same(TextBatch(column(texts).slice(start)), TextBatch(column(texts[start:])))


@given(BATCHES, BATCHES)
def test_documents_do_not_depend_on_their_batch_mates(texts: list[str], others: list[str]) -> None:
    mixed = TextBatch(column(others + texts))
    for name in DERIVED:
        getattr(mixed, name)
    mask = np.arange(mixed.n) >= len(others)
    assert_same(mixed.select(mask), TextBatch(column(texts)))


def test_select_keeps_given_words() -> None:
    batch = TextBatch.from_words(column(["a b", "c d"]), [["a"], ["d"]])
    chosen = batch.select(np.array([False, True]))
    assert (chosen.words.start.tolist(), chosen.words.end.tolist()) == ([2], [3])


def test_masks_of_another_shape_are_refused() -> None:
    batch = TextBatch(column(["a", "b"]))
    with pytest.raises(ValueError, match="2 rows"):
        batch.select(np.array([True]))
    with pytest.raises(ValueError, match="int64"):
        batch.select(np.array([0, 1]))


def test_nulls_and_other_types_are_refused() -> None:
    with pytest.raises(InputError, match="1 of 2 rows are null"):
        TextBatch(pa.array(["a", None], type=pa.large_string()))
    with pytest.raises(InputError, match="large_string"):
        TextBatch(pa.array(["a"], type=pa.string()))


def test_an_empty_batch_and_a_batch_of_empty_texts() -> None:
    for texts in ([], ["", ""]):
        batch = TextBatch(column(texts))
        assert len(batch.segments.start) == len(batch.words.start) == len(batch.tokens.hash) == 0
        assert len(batch.lines.start) == len(texts)
        assert batch.script_counts.shape == (len(texts), len(SCRIPTS))


def test_warm_runs() -> None:
    warm()
