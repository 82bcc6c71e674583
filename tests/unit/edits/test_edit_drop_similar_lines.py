"""The edit `drop_similar_lines` against MAP-CC's definition: every pair, the whole table."""

from __future__ import annotations

import time
from fractions import Fraction
from random import Random

import pytest
from edit_checks import run
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.edits.drop_similar_lines import gram_length


def distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, one in enumerate(a, start=1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]


def alike(a: str, b: str, share: Fraction, exact_chars: int) -> bool:
    longer = max(len(a), len(b))
    if min(len(a), len(b)) <= exact_chars:
        return a == b
    return abs(len(a) - len(b)) < Fraction(3, 10) * longer and distance(a, b) <= share * longer


def oracle(text: str, share: Fraction, exact_chars: int, min_chars: int) -> str:
    kept: list[str] = []
    held: list[str] = []
    for line in text.split("\n"):
        bare = line.strip(" .。!")
        if bare and len(bare) >= min_chars:
            if any(alike(before, bare, share, exact_chars) for before in held):
                continue
            held.append(bare)
        kept.append(line)
    return "\n".join(kept)


@st.composite
def documents(draw: st.DrawFn) -> list[str]:
    """Lines, and lines made of earlier ones by a few edits."""
    random = Random(draw(st.integers(0, 10**6)))
    made = []
    for _ in range(draw(st.integers(0, 3))):
        lines: list[str] = []
        for _ in range(random.randrange(8)):
            if lines and random.random() < 0.7:
                line = list(random.choice(lines))
                for _ in range(random.randrange(1 + len(line) // 6)):
                    at = random.randrange(len(line) + 1)
                    line[at : at + random.randrange(2)] = random.choice(["", "a", "x", "汉"])
                lines.append("".join(line))
            else:
                letters = random.choice(["ab", "abcdefgh", "汉字今天气好"])
                lines.append("".join(random.choices(letters, k=random.choice([0, 3, 14, 17, 29, 40, 61]))))
        made.append("\n".join(line + random.choice(["", "。", " ", "!"]) for line in lines))
    return made


@settings(max_examples=examples(120), deadline=None)
@given(documents(), st.sampled_from(["0.1", "0.05", "0.2"]), st.sampled_from([15, 6]), st.integers(1, 4))
def test_what_is_like_a_line_before_it_goes(
    texts: list[str], share: str, exact_chars: int, min_chars: int
) -> None:
    done = run(
        "drop_similar_lines",
        texts,
        unit="line",
        max_distance=float(share),
        exact_chars=exact_chars,
        min_chars=min_chars,
    )
    expected = [oracle(text, Fraction(share), exact_chars, min_chars) for text in texts]
    assert done.texts.to_pylist() == expected


@pytest.mark.parametrize("share", ["0.1", "0.05", "0.2"])
@pytest.mark.parametrize("exact_chars", [5, 15])
def test_pieces_are_no_shorter_than_grams(share: str, exact_chars: int) -> None:
    gram = gram_length(Fraction(share), exact_chars)
    for length in [*range(exact_chars + 1, 3000), 10**6]:
        edits = (
            max(
                int(Fraction(share) * max(length, other))
                for other in range(length, 2 * length)
                if other - length <= Fraction(share) * other
            )
            if length < 300
            else int(length * Fraction(share) / (1 - Fraction(share)))
        )
        assert length // (edits + 1) >= gram


def test_sentences() -> None:
    text = (
        "今天天气真的非常不错，我们一起去公园散步吧。今天天气真的非常不错，咱们一起去公园散步吧！再见。再见！"
    )
    done = run("drop_similar_lines", [text])
    assert done.texts.to_pylist() == ["今天天气真的非常不错，我们一起去公园散步吧。再见。"]


def test_a_long_document_is_no_table_of_pairs() -> None:
    random = Random(1)
    lines = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz ", k=80)) for _ in range(20_000)]
    text = "\n".join(line + "\n" + line[:40] + "#" + line[40:] for line in lines)
    run("drop_similar_lines", ["warm up"], unit="line")
    started = time.perf_counter()
    done = run("drop_similar_lines", [text], unit="line")
    assert done.texts.to_pylist() == ["\n".join(lines)]
    assert time.perf_counter() - started < 20
