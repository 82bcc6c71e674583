from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import regex
import uax29
from examples import examples
from hypothesis import given, settings
from text_strategies import BATCHES, column

from datagov.text.batch import TextBatch
from datagov.text.breaks import token_rules
from datagov.text.hashing import hash_text
from datagov.text.segments import HAS_LETTER, HAS_NUMBER, segment_all
from datagov.text.tables import LOWER_LIMIT, unicode_tables

ALONE = regex.compile(r"\p{WB=Katakana}|[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}--\P{WB=ALetter}]", regex.V1)
COUNTED = regex.compile(r"[\p{L}\p{N}]")


def simple_lower(text: str) -> str:
    return "".join(char.lower()[0] for char in text)


def oracle(text: str) -> list[str]:
    """Segments of the text with every character that stands alone read as an ideograph."""
    told_apart = ALONE.sub("字", text)
    assert len(told_apart) == len(text)
    tokens, at = [], 0
    for piece in uax29.segments(told_apart):
        token = text[at : at + len(piece)]
        at += len(piece)
        if COUNTED.search(token):
            tokens.append(simple_lower(token))
    return tokens


def tokens_of(texts: list[str]) -> list[list[int]]:
    found = TextBatch(column(texts)).tokens
    return [found.hash[a:b].tolist() for a, b in pairwise(found.offsets)]


EXAMPLES = {
    "Hello, WORLD! can't 3.14": ["hello", "world", "can't", "3.14"],
    "中文 Text，人々": ["中", "文", "text", "人", "々"],
    "カタカナ・ﾊﾞの": ["カ", "タ", "カ", "ナ", "ﾊﾞ", "の"],
    "ab_カナ_cd": ["ab_", "カ", "ナ", "_cd"],
    "ก็ข": ["ก็", "ข"],
    "İSTANBUL ΣΑΣ ẞ": ["istanbul", "σασ", "ß"],
    "𞤀𞤁 𐐀": ["𞤢𞤣", "𐐨"],
    "e\u0301!": ["e\u0301"],
    "!?… 👨\u200d👩 🇦🇧 \x00": [],
    "한국어 тест": ["한국어", "тест"],
    "": [],
}


@pytest.mark.parametrize(("text", "expected"), EXAMPLES.items())
def test_examples(text: str, expected: list[str]) -> None:
    assert tokens_of([text]) == [[hash_text(token) for token in expected]]
    assert oracle(text) == expected


@settings(max_examples=examples(300))
@given(BATCHES)
def test_tokens_are_those_of_the_definition(texts: list[str]) -> None:
    assert tokens_of(texts) == [[hash_text(token) for token in oracle(text)] for text in texts]


@settings(max_examples=examples(200))
@given(BATCHES)
def test_tokens_agree_with_segments(texts: list[str]) -> None:
    """The fused kernel gives what segments of the same rules, filtered and lowered, would give."""
    batch = TextBatch(column(texts))
    cut = segment_all(batch.classes, batch.offsets, token_rules())
    kept = cut.kind & (HAS_LETTER | HAS_NUMBER) != 0
    points = batch.code_points.copy()
    mapped = points < LOWER_LIMIT
    points[mapped] = unicode_tables().lower[points[mapped]]
    lowered = "".join(map(chr, points))
    expected = [hash_text(lowered[a:b]) for a, b in zip(cut.start[kept], cut.end[kept], strict=True)]
    assert batch.tokens.hash.tolist() == expected
    counts = np.add.reduceat(np.append(kept, False), cut.offsets[:-1]) if batch.n else np.zeros(0, np.int64)
    counts = np.where(np.diff(cut.offsets) > 0, counts, 0)
    assert np.diff(batch.tokens.offsets).tolist() == counts.tolist()


@given(BATCHES)
def test_every_word_boundary_outside_kana_is_a_token_boundary(texts: list[str]) -> None:
    batch = TextBatch(column(texts))
    finer = segment_all(batch.classes, batch.offsets, token_rules())
    if not any(ALONE.search(text) for text in texts):
        assert np.array_equal(finer.end, batch.segments.end)
    else:
        assert set(batch.segments.end.tolist()) - set(finer.end.tolist()) == set()


def test_upper_case_does_not_tell_texts_apart() -> None:
    upper, lower = tokens_of(["THE QUICK Brown Fox", "the quick brown fox"])
    assert upper == lower


def test_a_million_characters() -> None:
    one, han, words = tokens_of(["x" * 1_000_000, "汉" * 1_000_000, "word " * 200_000])
    assert len(one) == 1
    assert set(han) == {hash_text("汉")}
    assert len(han) == 1_000_000
    assert words == [hash_text("word")] * 200_000
