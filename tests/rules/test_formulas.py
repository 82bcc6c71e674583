"""Each family's counts equal the plain-Python definition on any text, with any words."""

from __future__ import annotations

import pyarrow as pa
import pytest
import regex
import rule_oracles as oracle
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov import policy, signals
from datagov.signals.ngram_repetition import NGRAM_REPETITION
from datagov.signals.script import script
from datagov.signals.sentence_end import sentence_end_table
from datagov.text.batch import TextBatch
from datagov.text.tables import SCRIPTS

STOP_WORDS = ["the", "of", "的", "·"]
VOCABULARY = [
    "a",
    "b",
    "the",
    "of",
    "The",
    "的",
    "我们",
    "·",
    "#",
    "...",
    "…",
    ".",
    "-",
    "•",
    "x1",
    "7",
    "é",
    "😀",
    "。",
]
SEPARATORS = ["", " ", " ", " ", "\n", "\n\n", "\r\n", " \n \n", "\u3000", "\u2028"]

few = settings(max_examples=examples(60))


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text of few distinct words, so that n-grams repeat, and these words."""
    vocabulary = draw(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=5))
    words = draw(st.lists(st.sampled_from(vocabulary), max_size=60))
    separators = draw(st.lists(st.sampled_from(SEPARATORS), min_size=len(words) + 1, max_size=len(words) + 1))
    text = "".join(separator + word for separator, word in zip(separators, [*words, ""], strict=True))
    return text, words


ROWS = {
    "words": (oracle.words_row, {}),
    "stop_words": (lambda text, words: oracle.stop_words_row(text, words, STOP_WORDS), {"words": STOP_WORDS}),
    "lines": (oracle.lines_row, {}),
    "line_repetition": (oracle.line_repetition_row, {}),
    "ngram_repetition": (oracle.ngram_repetition_row, {}),
}


def measured(name: str, documents: list[tuple[str, list[str]]], params: dict) -> pa.RecordBatch:
    texts = pa.array([text for text, _ in documents], pa.large_string())
    batch = TextBatch.from_words(texts, [words for _, words in documents])
    family = signals.family(name)
    return family.measure(batch, signals.resolve_params(family, params))


@pytest.mark.parametrize("name", ROWS)
@few
@given(batch=st.lists(documents(), max_size=4))
def test_counts_equal_the_plain_definition(name: str, batch: list[tuple[str, list[str]]]) -> None:
    row, params = ROWS[name]
    assert measured(name, batch, params).to_pylist() == [row(text, words) for text, words in batch]


@few
@given(words=st.lists(st.sampled_from("abc"), min_size=0, max_size=300))
def test_ngram_counts_equal_the_plain_definition_on_long_repetitive_texts(words: list[str]) -> None:
    text = " ".join(words)
    assert measured("ngram_repetition", [(text, words)], {}).to_pylist() == [
        oracle.ngram_repetition_row(text, words)
    ]


@few
@given(text=st.text("ab .-…•!。；\n\r\t ", max_size=80))
def test_line_counts_equal_the_plain_definition_on_any_text(text: str) -> None:
    assert measured("lines", [(text, [])], {"terminal_also": "；", "short_line_chars": 3}).to_pylist() == [
        oracle.lines_row(text, [], "；", 3)
    ]
    assert measured("line_repetition", [(text, [])], {}).to_pylist() == [oracle.line_repetition_row(text, [])]


@few
@given(batch=st.lists(documents(), min_size=1, max_size=4))
def test_values_are_the_quotients_of_the_counts(batch: list[tuple[str, list[str]]]) -> None:
    counts = measured("ngram_repetition", batch, {})
    values = policy.values(counts, NGRAM_REPETITION.rules)
    for rule in NGRAM_REPETITION.rules:
        quotients = [
            None if top is None or below == 0 else top / below
            for top, below in zip(
                counts.column(rule.numerator).to_pylist(), counts.column("chars").to_pylist(), strict=True
            )
        ]
        assert values[rule.name].to_pylist() == quotients


def test_a_repeated_sentence_is_all_duplicate_but_its_first_copy() -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"] * 4
    text = " ".join(words)
    (row,) = measured("ngram_repetition", [(text, words)], {}).to_pylist()
    letters = sum(map(len, words))
    for n in (5, 10):
        assert row[f"duplicate_{n}gram_chars"] == letters * 3 // 4
    assert row["top_2gram_chars"] == 4 * len("one two")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "none"),
        ("123 ... 😀", "none"),
        ("plain English", "latin"),
        ("机器学习 is", "han"),
        ("machine learning 机器", "latin"),
        ("ひらがなと漢字", "kana"),
        ("한국어 text", "hangul"),
        ("Привет, мир", "cyrillic"),
        ("مرحبا", "arabic"),
        ("ภาษาไทย", "thai"),
    ],
)
def test_script_names_the_writing_system(text: str, expected: str) -> None:
    assert script(TextBatch(pa.array([text], pa.large_string()))).to_pylist() == [expected]


def test_one_han_character_weighs_three_latin_letters() -> None:
    texts = ["汉abc", "汉ab", "汉abcd"]
    assert script(TextBatch(pa.array(texts, pa.large_string()))).to_pylist() == ["han", "han", "latin"]


def test_letters_by_script_add_up() -> None:
    (row,) = (
        signals.family("script")
        .measure(TextBatch(pa.array(["aé汉ка1。"], pa.large_string())), {})
        .to_pylist()
    )
    assert row["letters"] == 5
    assert {name: row[f"{name}_letters"] for name in SCRIPTS if row[f"{name}_letters"]} == {
        "han": 1,
        "latin": 2,
        "cyrillic": 2,
    }


def test_terminal_punctuation_is_the_unicode_property_and_three_khmer_signs() -> None:
    table = sentence_end_table("")
    ours = {chr(code) for code in table.nonzero()[0]}
    assigned = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    property_ = set(regex.findall(r"\p{Sentence_Terminal}", assigned))
    assert ours - property_ == set("\u17d6\u17d9\u17da")
    assert set(".!?。！？｡") <= ours
    assert not ours & set("…；;”\"'’)）:：,，、")


def test_further_characters_can_end_a_sentence() -> None:
    table = sentence_end_table("…\U0001f600")
    assert table[ord("…")] == 1
    assert table[0x1F600] == 1
    assert table[ord(".")] == 1
