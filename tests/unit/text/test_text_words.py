from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import regex
import rjieba
import uax29
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from text_strategies import ALPHABET, BATCHES, column

from datagov.errors import InputError
from datagov.text import words as words_module
from datagov.text.batch import TextBatch
from datagov.text.hashing import hash_text
from datagov.text.segments import ALL_SPACE, ALL_SYMBOL, HAS_LETTER, HAS_NUMBER

HAN = regex.compile(r"\p{sc=Han}")
WHITE_SPACE = regex.compile(r"\p{White_Space}+")


def words_of(batch: TextBatch) -> list[list[str]]:
    text = "".join(batch.texts.to_pylist())
    cut = [text[a:b] for a, b in zip(batch.words.start, batch.words.end, strict=True)]
    offsets = batch.words.offsets
    return [cut[a:b] for a, b in pairwise(offsets)]


def oracle(text: str) -> list[str]:
    pieces = rjieba.cut(text) if HAN.search(text) else uax29.segments(text)
    return [piece for piece in pieces if not WHITE_SPACE.fullmatch(piece)]


@settings(max_examples=examples(200))
@given(BATCHES)
def test_words_of_mixed_batches(texts: list[str]) -> None:
    batch = TextBatch(column(texts))
    assert words_of(batch) == [oracle(text) for text in texts]


CHINESE = "中华人民共和国今天天气很好我们去北京大学吃饭了不的一二三A1.+#&_%- \r\n\t\x00，。々〇"


@settings(max_examples=examples(200))
@given(st.lists(st.text(st.sampled_from(CHINESE), max_size=30), max_size=8))
def test_jieba_sees_each_document_alone(texts: list[str]) -> None:
    """Documents share a call, and get the words of a call of their own."""
    batch = TextBatch(column(texts))
    assert words_of(batch) == [oracle(text) for text in texts]


@given(st.lists(st.text(st.sampled_from(CHINESE), max_size=12), max_size=8), st.integers(1, 40))
def test_blocks_of_any_size_give_the_same_words(texts: list[str], size: int) -> None:
    whole = TextBatch(column(texts)).words
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words_module, "CUT_CHARS", size)
        split = TextBatch(column(texts)).words
    for name, array in vars(whole).items():
        assert np.array_equal(array, getattr(split, name)), name


@settings(max_examples=examples(200))
@given(BATCHES)
def test_hashes_and_flags_describe_the_words(texts: list[str]) -> None:
    batch = TextBatch(column(texts))
    flat = [word for words in words_of(batch) for word in words]
    assert batch.words.hash.tolist() == [hash_text(word) for word in flat]
    for word, flags in zip(flat, batch.words.flags, strict=True):
        assert bool(flags & HAS_LETTER) == (regex.search(r"\p{L}", word) is not None)
        assert bool(flags & HAS_NUMBER) == (regex.search(r"\p{N}", word) is not None)
        assert bool(flags & ALL_SYMBOL) == (regex.fullmatch(r"[\p{P}\p{S}]+", word) is not None)
        assert not flags & ALL_SPACE


def test_words_of_a_chinese_sentence() -> None:
    batch = TextBatch(column(["我爱北京天安门。", "I love Beijing."]))
    assert words_of(batch) == [["我", "爱", "北京", "天安门", "。"], ["I", "love", "Beijing", "."]]


@given(BATCHES)
def test_given_words_equal_found_words(texts: list[str]) -> None:
    found = TextBatch(column(texts))
    given_batch = TextBatch.from_words(column(texts), words_of(found))
    for name, array in vars(found.words).items():
        assert np.array_equal(array, getattr(given_batch.words, name)), name


def test_given_words_are_placed_left_to_right_and_space_is_dropped() -> None:
    batch = TextBatch.from_words(column(["a b a b", "", "汉字汉"]), [["b", " ", "", "a"], [], ["汉", "汉"]])
    assert batch.words.start.tolist() == [2, 4, 7, 9]
    assert batch.words.end.tolist() == [3, 5, 8, 10]
    assert batch.words.offsets.tolist() == [0, 2, 2, 4]


def test_given_words_that_are_not_in_the_text_are_refused() -> None:
    with pytest.raises(InputError, match=r"row 1.*'a'.*after character 3"):
        TextBatch.from_words(column(["x", "b a"]), [["x"], ["b", "a", "a"]])
    with pytest.raises(InputError, match="1 documents were given with 2"):
        TextBatch.from_words(column(["x", "y"]), [["x"]])


def test_a_million_characters() -> None:
    batch = TextBatch(column(["北京" * 500_000, "word " * 200_000, "x" * 1_000_000]))
    assert int(batch.words.end[batch.words.offsets[1] - 1]) == 1_000_000
    assert np.diff(batch.words.offsets)[1:].tolist() == [200_000, 1]


def test_the_alphabet_has_no_surrogates() -> None:
    assert not any("\ud800" <= char <= "\udfff" for char in ALPHABET)
