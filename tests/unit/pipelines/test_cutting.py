"""Where long texts are cut, against what the rule says in words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.ids import row_ids
from pipelines.cutting import cut_long, piece_ends

TEXTS = st.text(st.sampled_from("ab漢é😀\n 。.!\t"), max_size=120)


def pieces(text: str, most: int) -> list[str]:
    data = text.encode()
    ends = piece_ends(data, most)
    starts = [(0, 0), *ends[:-1]]
    found = [data[start:end].decode() for (_, start), (_, end) in zip(starts, ends, strict=True)]
    by_chars = [text[start:end] for (start, _), (end, _) in zip(starts, ends, strict=True)]
    assert found == by_chars
    return found


def best_end(text: str, most: int) -> int:
    """Return where the first piece of a longer text ends, looked for from the last place back."""
    for marks in (["\n"], ["。", "！", "？", ". ", "! ", "? "], [" ", "\t", "\u3000"]):
        for end in range(most, most // 2, -1):
            if any(text[:end].endswith(mark) and end - len(mark) >= most // 2 for mark in marks):
                return end
    return most


@settings(max_examples=200)
@given(text=TEXTS, most=st.integers(1, 40))
def test_pieces_are_the_text_and_end_where_the_rule_says(text: str, most: int) -> None:
    found = pieces(text, most)
    assert "".join(found) == text
    left = text
    for piece in found[:-1]:
        assert len(left) > most
        assert len(piece) == best_end(left, most)
        left = left[len(piece) :]
    assert len(left) <= most


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two\nthree four", ["one two\n", "three four"]),
        ("one. two three four", ["one. two ", "three four"]),
        ("甲乙丙丁戊。己庚辛壬癸", ["甲乙丙丁戊。", "己庚辛壬癸"]),
        ("abcdefghijklmn", ["abcdefghij", "klmn"]),
        ("", [""]),
    ],
)
def test_a_line_goes_before_a_sentence_and_a_sentence_before_a_word(text: str, expected: list[str]) -> None:
    assert pieces(text, 10) == expected


@settings(max_examples=100)
@given(
    texts=st.lists(st.one_of(st.none(), TEXTS.map(str.encode), st.just(b"\xff" * 50)), max_size=8),
    most=st.integers(1, 40),
    data=st.data(),
)
def test_documents_stay_in_order_and_know_whose_pieces_they_are(
    texts: list[bytes | None], most: int, data: st.DataObject
) -> None:
    array = pa.array(texts, pa.large_binary())
    ids = row_ids("tests", "a", 0, len(texts))
    problem = np.array(
        data.draw(st.lists(st.sampled_from([0, 0, 4]), min_size=len(texts), max_size=len(texts))), np.uint8
    )
    cut = cut_long(array, ids, problem, most)
    long = [
        row
        for row, text in enumerate(texts)
        if text is not None and problem[row] == 0 and b"\xff" not in text and len(text.decode()) > most
    ]
    assert (cut is None) == (not long)
    if cut is None:
        return
    assert np.all(np.diff(cut.index) >= 0)
    found = cut.text.to_pylist()
    names = cut.doc_ids.to_pylist()
    assert len(set(names)) == len(names) == len(found) == len(cut.pieces)
    for row, text in enumerate(texts):
        mine = np.flatnonzero(cut.index == row)
        if row not in long:
            assert [found[at] for at in mine] == [text]
            assert names[mine[0]] == ids[row].as_py()
            assert cut.pieces[mine[0]] is None
            continue
        assert b"".join(found[at] for at in mine) == text
        records = [cut.pieces[at].to_pylist()[0] for at in mine]
        assert [record["doc_id"] for record in records] == [names[at] for at in mine]
        assert {record["parent"] for record in records} == {ids[row].as_py()}
        assert [record["number"] for record in records] == list(range(len(mine)))
        assert {record["pieces"] for record in records} == {len(mine)}
        for record, at in zip(records, mine, strict=True):
            assert text is not None
            assert text[record["start_byte"] :].startswith(found[at])
            assert text.decode()[record["start_char"] :].startswith(found[at].decode())


def test_pieces_of_another_length_are_other_documents() -> None:
    text = pa.array([b"one two three four five six"], pa.large_binary())
    ids, none = row_ids("tests", "a", 0, 1), np.zeros(1, np.uint8)
    found = [cut_long(text, ids, none, most) for most in (10, 11, 10)]
    names = [set(cut.doc_ids.to_pylist()) for cut in found if cut is not None]
    assert names[0] == names[2]
    assert not names[0] & names[1]
