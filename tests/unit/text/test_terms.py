"""Terms are found where a plain search, written from the rules, finds them: leftmost, longest, with boundaries."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.text.batch import TextBatch
from datagov.text.folding import FOLDINGS, IGNORABLE, UNSPACED, fold_table
from datagov.text.tables import SCRIPTS, unicode_tables
from datagov.text.term_presence import count_present
from datagov.text.term_trie import MOST_SYMBOLS, PASSED_OVER, build_trie
from datagov.text.terms import find_terms

TRADITIONAL = "媽妈罵骂"
STAND_INS = ("操草", "妈马")
GROUPS = {ord(member): ord(group[0]) for group in STAND_INS for member in group}

Hit = tuple[int, int, int]


def counts_as(character: str, foldings: set[str]) -> str | None:
    point = ord(character)
    if "width" in foldings and 0xFF01 <= point <= 0xFF5E:
        point -= 0xFEE0
    if "width" in foldings and point == 0x3000:
        point = 0x20
    if "case" in foldings and point < unicode_tables().lower.size:
        point = int(unicode_tables().lower[point])
    if "traditional" in foldings and chr(point) in TRADITIONAL[::2]:
        point = ord(TRADITIONAL[TRADITIONAL.index(chr(point)) + 1])
    if "zero_width" in foldings and any(first <= ord(character) <= last for first, last in IGNORABLE):
        return None
    return chr(point)


def in_word(character: str) -> bool:
    script = unicode_tables().script[unicode_tables().class_of[ord(character)]]
    spaced = script >= len(SCRIPTS) or SCRIPTS[script] not in UNSPACED
    return unicodedata.category(character)[0] in "LMN" and spaced


class Element:
    """A character as it counts, where it stands, and whether it closes a long run."""

    def __init__(self, character: str, start: int) -> None:
        self.character, self.start, self.end, self.long = character, start, start + 1, False


def elements_of(text: str, foldings: set[str]) -> list[Element]:
    found: list[Element] = []
    run = 0
    for at, written in enumerate(text):
        character = counts_as(written, foldings)
        if character is None:
            continue
        run = run + 1 if found and found[-1].character == character else 1
        if run >= 3 and "repeats" in foldings and unicodedata.category(character)[0] == "L":
            found[-1].long, found[-1].end = True, at + 1
        else:
            found.append(Element(character, at))
    return found


def stands_for(character: str, grouped: bool) -> str:
    return chr(GROUPS.get(ord(character), ord(character))) if grouped else character


def ends_of(text: list[Element], at: int, term: list[Element], k: int, grouped: bool) -> Iterator[int]:
    """Yield where `term[k:]` can end when it goes on at `text[at]`."""
    if k == len(term):
        yield at
    if at == len(text):
        return
    if text[at].long and k > 0:
        yield from ends_of(text, at + 1, term, k, grouped)
    if k == len(term) or (term[k].long and not text[at].long):
        return
    if stands_for(text[at].character, grouped) == stands_for(term[k].character, grouped):
        yield from ends_of(text, at + 1, term, k + 1, grouped)


def plain_search(
    written: str, terms: list[tuple[str, int]], grouped: list[tuple[str, int]], foldings: set[str]
) -> list[Hit]:
    text = elements_of(written, foldings)
    forms: dict[tuple, tuple[list[Element], int]] = {}
    for in_groups, listed in ((False, terms), (True, grouped)):
        for term, number in listed:
            form = elements_of(term, foldings)
            key = (in_groups, *((stands_for(each.character, in_groups), each.long) for each in form))
            if form:
                forms.setdefault(key, (form, number))
    hits, at = [], 0
    while at < len(text):
        best: tuple[int, int] | None = None
        joined = at > 0 and in_word(text[at - 1].character) and in_word(text[at].character)
        if not text[at].long and not joined:
            for key, (form, number) in forms.items():
                for end in ends_of(text, at, form, 0, key[0]):
                    if end < len(text) and in_word(text[end - 1].character) and in_word(text[end].character):
                        continue
                    if best is None or end > best[0]:
                        best = end, number
        if best is None:
            at += 1
            continue
        if best[1] != PASSED_OVER:
            hits.append((text[at].start, text[best[0] - 1].end, best[1]))
        at = best[0]
    return hits


def searched(
    texts: list[str], terms: list[tuple[str, int]], grouped: list[tuple[str, int]], foldings: set[str]
) -> list[list[Hit]]:
    trie = build_trie(
        terms,
        fold_table(foldings, TRADITIONAL),
        repeats="repeats" in foldings,
        groups=GROUPS,
        grouped=grouped,
    )
    batch = TextBatch(pa.array(texts, pa.large_string()))
    found = find_terms(batch, trie)
    rows = []
    for row in range(batch.n):
        chosen = slice(*found.offsets[row : row + 2])
        first = batch.offsets[row]
        rows.append(
            [
                (int(start - first), int(end - first), int(number))
                for start, end, number in zip(
                    found.start[chosen], found.end[chosen], found.term[chosen], strict=True
                )
            ]
        )
    return rows


LETTERS = "aabAＢ妈媽马操草骂罵的1 .\u200b\u00ad\u0301のЖ"
words = st.text(LETTERS, min_size=1, max_size=5)


@settings(max_examples=examples(400))
@given(
    texts=st.lists(st.text(LETTERS, max_size=25), max_size=3),
    terms=st.lists(words, max_size=8),
    grouped=st.lists(words, max_size=3),
    passed=st.lists(words, max_size=2),
    foldings=st.sets(st.sampled_from(sorted(FOLDINGS))),
)
def test_terms_are_found_as_the_rules_say(
    texts: list[str], terms: list[str], grouped: list[str], passed: list[str], foldings: set[str]
) -> None:
    numbered = [(term, PASSED_OVER) for term in passed] + [(term, at) for at, term in enumerate(terms)]
    standing = [(term, len(terms) + at) for at, term in enumerate(grouped)]
    expected = [plain_search(text, numbered, standing, foldings) for text in texts]
    assert searched(texts, numbered, standing, foldings) == expected


EVERY = set(FOLDINGS)


@pytest.mark.parametrize(
    ("text", "terms", "found"),
    [
        ("a FUUUCKKK!", ["fuck"], ["FUUUCKKK"]),
        ("ｆｕ\u200bｃｋ", ["fuck"], ["ｆｕ\u200bｃｋ"]),
        ("classic assassin ass", ["ass"], ["ass"]),
        ("asssholeee", ["ass", "asshole"], ["asssholeee"]),
        ("xx xxx", ["xxx"], ["xxx"]),
        ("USA片 a片。A片啊", ["a片"], ["a片", "A片"]),
        ("他媽的媽", ["他妈", "他妈的"], ["他媽的"]),
        ("操操操操你媽媽媽", ["操你妈"], ["操操操操你媽媽媽"]),
        ("妈妈的", ["妈的"], ["妈的"]),
        ("1987 87", ["87"], ["87"]),
    ],
)
def test_what_counts_as_a_term(text: str, terms: list[str], found: list[str]) -> None:
    (hits,) = searched([text], [(term, at) for at, term in enumerate(terms)], [], EVERY)
    assert [text[start:end] for start, end, _ in hits] == found


def test_any_stand_in_of_a_grouped_term_is_found_and_no_other() -> None:
    (hits,) = searched(["草你马 操你馬 草你妈 马的 妈的"], [("妈的", 1)], [("操你妈", 0)], EVERY)
    assert [number for *_, number in hits] == [0, 0, 1]


def test_a_term_that_is_passed_over_hides_what_lies_in_it() -> None:
    (hits,) = searched(["the word scunthorpe, 妈妈的好"], [("妈妈的", PASSED_OVER), ("妈的", 0)], [], EVERY)
    assert hits == []


def test_ten_thousand_terms_are_all_found() -> None:
    drawing = random.Random(3)
    terms = sorted(
        {
            "".join(chr(drawing.randrange(0x4E00, 0x5200)) for _ in range(drawing.randint(2, 6)))
            for _ in range(10_000)
        }
    )
    (hits,) = searched(["，".join(terms)], [(term, at) for at, term in enumerate(terms)], [], EVERY)
    assert [number for *_, number in hits] == list(range(len(terms)))


def test_texts_made_to_be_slow_take_time_in_step_with_their_length() -> None:
    terms = [("啊" * 60 + "b", 0), ("aaab" * 16, 1), ("ab" * 31 + "x", 2)]
    texts = ["啊" * 300_000, "a" * 300_000, "aaab" * 75_000, "啊啊b" * 100_000, "ab" * 150_000]
    assert [len(hits) for hits in searched(texts, terms, terms, {"case"})] == [0] * 5


def test_no_terms_and_no_texts_are_no_hits() -> None:
    assert searched(["", "a"], [], [], EVERY) == [[], []]
    assert searched([], [("a", 0)], [], EVERY) == []
    assert searched(["a \u200b"], [("\u200b", 0), ("", 1)], [], EVERY) == [[]]


def test_a_term_that_is_too_long_is_refused() -> None:
    table = fold_table(EVERY)
    build_trie([("ab" * (MOST_SYMBOLS // 2), 0)], table)
    with pytest.raises(ValueError, match=f"term 7 has {MOST_SYMBOLS + 1} characters"):
        build_trie([("ab" * (MOST_SYMBOLS // 2) + "c", 7)], table)


def test_terms_of_any_length_are_counted_anywhere_and_once() -> None:
    long = "ab" * 50
    trie = build_trie(
        [(term, 0) for term in (long, "AB", "b", "ab", "妈的")], fold_table(("case",)), longest=None
    )
    texts = ["", long, "xabx", "妈妈的 B", "妈", long[:-1]]
    batch = TextBatch(pa.array(texts, pa.large_string()))
    assert count_present(batch, trie).tolist() == [0, 3, 2, 2, 0, 2]


def test_arrays_grow_with_what_is_found() -> None:
    (hits,) = searched(["a " * 5000], [("a", 0)], [], EVERY)
    assert np.array_equal([start for start, *_ in hits], np.arange(0, 10_000, 2))
