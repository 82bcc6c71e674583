"""The further families' counts equal the plain-Python definition on any text, with any words."""

from __future__ import annotations

import math
import re

import catalogue_oracles as oracle
import numpy as np
import pyarrow as pa
import pytest
from examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datagov import policy, signals
from datagov.edits import drop_lines
from datagov.errors import ConfigError
from datagov.signals.entropy import product_table, product_with_log
from datagov.signals.line_rules import spelled_out
from datagov.text.batch import TextBatch

few = settings(max_examples=examples(80))

PIECES = [
    *"abAB1٢.!?,;\"'()#{}_$+",
    *"的我们。！？；“”…【】《、ａ１．",
    *"\n\n  \t\r\u3000",
    *"•–·é😀\u0301Ωω",
    "the cat ",
    "Lorem ipsum",
    "lorem  ipsum",
    "ReadMore\n",
    "展开\n",
    "。。。",
    "...",
    "……",
    "##",
    "JavaScript",
    "Mr. X said: “No.” ",
    "3.14",
    "【广告】",
]
texts = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
few_letters = st.text("ab \n", max_size=200)

LISTED = ["Cat", "lorem ipsum", "的", "我们", "é", "x.", "展", "cat sat"]

ROWS = {
    "markup": (oracle.markup_row, {}),
    "characters": (oracle.characters_row, {}),
    "distinct_characters": (oracle.distinct_characters_row, {}),
    "char_repetition": (oracle.char_repetition_row, {}),
    "char_ngrams": (oracle.char_ngrams_row, {}),
    "sentences": (oracle.sentences_row, {}),
    "line_marks": (oracle.line_marks_row, {}),
    "vocabulary": (oracle.vocabulary_row, {}),
    "lexicon": (lambda text, words: oracle.lexicon_row(text, words, LISTED), {"words": LISTED}),
}
CHANGED = {
    "distinct_characters": {"window_chars": 7},
    "char_ngrams": {"size": 3, "skip_spaces": True, "lower": True},
    "line_marks": {"bullets": "•a", "endings": ["b", "read more", "。。。"]},
    "vocabulary": {"ngram_size": 2},
}


def measured(name: str, batch: list[str], params: dict) -> tuple[list[dict], list[list[str]]]:
    """The family's rows, and the words that it saw."""
    made = TextBatch(pa.array(batch, pa.large_string()))
    family = signals.family(name)
    rows = family.measure(made, signals.resolve_params(family, params)).to_pylist()
    words = made.words
    points = made.code_points
    spelled = [
        ["".join(map(chr, points[words.start[w] : words.end[w]])) for w in range(*words.offsets[d : d + 2])]
        for d in range(made.n)
    ]
    return rows, spelled


def check(name: str, batch: list[str], params: dict) -> None:
    rows, words = measured(name, batch, params)
    row = ROWS[name][0]
    asked = {key: value for key, value in params.items() if key != "words"}
    assert rows == [row(text, spelled, **asked) for text, spelled in zip(batch, words, strict=True)]


@pytest.mark.parametrize("name", ROWS)
@few
@given(batch=st.lists(st.one_of(texts, few_letters), max_size=4))
@example(batch=["", "aaaaaaaaaaaaaaaaaaaa", "abcabcabcabcabcabcabc", "【a\n】【【b】】", "a.b.c...d", '"""'])
def test_counts_equal_the_plain_definition(name: str, batch: list[str]) -> None:
    check(name, batch, ROWS[name][1])


@pytest.mark.parametrize("name", CHANGED)
@few
@given(batch=st.lists(st.one_of(texts, few_letters), max_size=3))
def test_counts_equal_the_plain_definition_with_other_parameters(name: str, batch: list[str]) -> None:
    check(name, batch, CHANGED[name])


@pytest.mark.parametrize("name", ROWS)
def test_counts_equal_the_plain_definition_on_long_texts(name: str) -> None:
    rng = np.random.default_rng(5)
    varied = "".join(map(chr, rng.integers(0x4E00, 0x4E00 + 300, 6000)))
    sentences = " ".join(f"The {n} cats of Row {n % 7} sat, and sat." for n in rng.integers(0, 30, 300))
    check(name, [varied, sentences, "" if name == "vocabulary" else varied[:500] * 3], ROWS[name][1])


@settings(max_examples=examples(300))
@given(count=st.integers(2, 2**31 - 1))
def test_the_logarithm_is_the_librarys_to_its_last_bits(count: int) -> None:
    assert math.isclose(product_with_log(count), count * math.log(count), rel_tol=4e-16)


def test_the_table_of_logarithms_is_that_of_the_function() -> None:
    assert [product_with_log(n) for n in range(len(product_table()))] == product_table().tolist()


def test_the_windowed_fraction_does_not_fall_with_length() -> None:
    family = signals.family("distinct_characters")
    rng = np.random.default_rng(1)
    letters = "".join(map(chr, 0x4E00 + rng.zipf(1.2, 40_000) % 3000))
    batch = TextBatch(pa.array([letters[:2000], letters], pa.large_string()))
    values = policy.values(family.measure(batch, family.defaults), family.rules)
    short, long = values["distinct_char_fraction"].to_pylist()
    assert long < short / 3
    short, long = values["windowed_distinct_char_fraction"].to_pylist()
    assert long == pytest.approx(short, rel=0.05)


def test_the_released_numerator_misses_what_repeats() -> None:
    family = signals.family("char_repetition")
    batch = TextBatch(pa.array(["点击进入官方网站领取红包。" * 40], pa.large_string()))
    values = policy.values(family.measure(batch, family.defaults), family.rules)
    for n in range(5, 11):
        assert values[f"duplicate_{n}char_fraction"].to_pylist() == [1.0]
        assert values[f"duplicate_{n}char_distinct_fraction"].to_pylist()[0] < 0.03


def test_an_impossible_ngram_size_is_refused() -> None:
    family = signals.family("char_ngrams")
    batch = TextBatch(pa.array(["x"], pa.large_string()))
    with pytest.raises(ConfigError, match="at least 1"):
        family.measure(batch, {**family.defaults, "size": 0})


LINES = [
    "The harbour is rebuilt.",
    "SIGN THE PLAN NOW",
    "12/2020 - 3",
    "x",
    "5 items in cart",
    "Read more...",
    "",
    "  ",
    "Sign in to read the plan",
    "3 likes",
    "I want to read more.",
    "read more »",
    "1,204 Views",
]


@few
@given(chosen=st.lists(st.lists(st.sampled_from(LINES), max_size=8), min_size=1, max_size=3))
def test_words_of_droppable_lines_equal_the_plain_definition(chosen: list[list[str]]) -> None:
    rows, _ = measured("line_edits", ["\n".join(lines) for lines in chosen], {})
    counters = {"3 likes", "1,204 Views"}
    for lines, row in zip(chosen, rows, strict=True):
        words = [len(re.findall(r"[A-Za-z]+|[0-9]+(?:[,./][0-9]+)*", line)) for line in lines]
        words = [2 if "/" in line and n == 2 else n for line, n in zip(lines, words, strict=True)]
        gone = [
            line.strip() != "" and (line in counters or oracle.refinedweb_drops(line, n))
            for line, n in zip(lines, words, strict=True)
        ]
        kept = sum(n for n, dropped in zip(words, gone, strict=True) if not dropped)
        assert row["words"] - row["dropped_words"] == kept
        assert (row["dropped_words"] > 0) == any(
            n > 0 and dropped for n, dropped in zip(words, gone, strict=True)
        )


def test_the_edit_leaves_the_words_that_the_signal_does_not_count_as_dropped() -> None:
    text = "\n".join([*LINES, "A last line of the text stays."])
    edited = drop_lines.apply(TextBatch(pa.array([text], pa.large_string())), **spelled_out("refinedweb"))
    family = signals.family("line_edits")
    before = family.measure(TextBatch(pa.array([text], pa.large_string())), family.defaults).to_pylist()[0]
    after = family.measure(TextBatch(edited.texts), family.defaults).to_pylist()[0]
    assert before["words"] - before["dropped_words"] == after["words"]
    assert 0 < before["dropped_words"] < before["words"]


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'refinedweb'"):
        measured("line_edits", ["x"], {"preset": "refinedwep"})
