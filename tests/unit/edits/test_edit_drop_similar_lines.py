"""The edit `drop_similar_lines` against MAP-CC's definition: every pair, the whole table."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from edit_checks import batch, run
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.edits.similar_units import WORK_PER_CHAR, Similar, find_similar, gram_length


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


@settings(max_examples=examples(120))
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


def compared(lines: list[str], share: str = "0.1") -> Similar:
    units = batch(["\n".join(lines)])
    spans = units.lines
    return find_similar(
        units.code_points,
        spans.start.astype(np.int64),
        spans.end.astype(np.int64),
        spans.offsets,
        share=Fraction(share),
        exact_chars=15,
        min_chars=1,
    )


@pytest.mark.parametrize("start", ["", "http://www.example.com/"])
def test_four_times_the_lines_are_about_four_times_the_work(start: str) -> None:
    """Lines that share a beginning are known by what they do not share."""
    random = Random(1)
    lines = [start + "".join(random.choices("0123456789abcdef", k=40)) for _ in range(8000)]
    few, many = compared(lines[:2000]), compared(lines)
    assert not many.found.any()
    assert not many.not_compared.any()
    assert many.work[0] < 6 * few.work[0]
    assert many.work[0] < 5 * sum(map(len, lines))


def test_a_line_and_one_like_it() -> None:
    random = Random(1)
    lines = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz ", k=80)).strip() for _ in range(3000)]
    text = "\n".join(line + "\n" + line[:40] + "#" + line[40:] for line in lines)
    assert run("drop_similar_lines", [text], unit="line").texts.to_pylist() == ["\n".join(lines)]


def test_the_work_has_an_end() -> None:
    """Lines of two letters are all in question; past the limit only those that are the same go, and it is said."""
    random = Random(1)
    lines = ["".join(random.choices("ab", k=60)) for _ in range(3000)]
    done = compared(lines)
    assert done.not_compared[0] > 0
    assert not done.found.any()
    spent = done.work[0] / (WORK_PER_CHAR * sum(map(len, lines)))
    assert 1 < spent < 1.01
    assert not compared(lines[: 3000 - done.not_compared[0]]).found.any()
    done = compared([*lines, lines[7]])
    short, text = "\n".join(lines[:100]), "\n".join([*lines, lines[7]])
    edit = run("drop_similar_lines", [short, text], unit="line")
    assert edit.texts.to_pylist() == [short, "\n".join(lines)]
    assert edit.changes["units_removed"].to_pylist() == [0, 1]
    assert edit.changes["units_not_compared"].to_pylist() == [0, int(done.not_compared[0])]


def test_one_long_pair_has_an_end() -> None:
    random = Random(1)
    line = "".join(random.choices("abcd", k=160_000))
    other = "".join(random.choice("abcd") if random.random() < 0.2 else char for char in line)
    done = compared([line, other])
    assert done.not_compared.tolist() == [1]
    assert not done.found.any()
    assert done.work[0] < 1.2 * WORK_PER_CHAR * 320_000
