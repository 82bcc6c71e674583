"""With datatrove's own words, every shared rule has datatrove's value, or a documented difference explains it.

On documents of the project's own from a golden file (`make golden`), and on real ones where the peers'
environment and the corpus are there.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import make_golden
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagov.policy import values
from datagov.signals import family
from datagov.signals.sentence_end import sentence_end_table
from datagov.text.batch import TextBatch

STOP_WORDS = {
    "en": ["the", "be", "to", "of", "and", "that", "have", "with"],
    "zh": [
        "的",
        "年",
        "在",
        "月",
        "是",
        "和",
        "日",
        "了",
        "有",
        "被",
        "人",
        "中",
        "为",
        "他",
        "也",
        "而",
        "由",
    ],
}
FAMILIES = ("words", "stop_words", "lines", "line_repetition", "ngram_repetition", "markup")
OTHER_LINE_BREAKS = re.compile("[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
YES_OR_NO = {"opening_brace_count", "lorem_ipsum_count"}


Document = dict[str, Any]


def other_breaks(document: Document) -> bool:
    """datatrove splits these lines at every break that str.splitlines knows."""
    return OTHER_LINE_BREAKS.search(document["text"]) is not None


def odd_blanks(document: Document) -> bool:
    """datatrove counts lines of white space, and an empty one where the text begins or ends with a newline."""
    text = document["text"]
    return text != text.strip("\n") or any(line and not line.strip() for line in text.split("\n"))


def odd_paragraphs(document: Document) -> bool:
    """datatrove strips the text, and joins paragraphs whose blank line holds white space."""
    return document["text"] != document["text"].strip() or odd_blanks(document)


def ends_elsewhere(document: Document) -> bool:
    """datatrove does not pass over white space at a line's end, and has another list of terminal punctuation."""
    lines = [line for line in document["text"].split("\n") if line.strip()]
    ours = {chr(code) for code in sentence_end_table("").nonzero()[0]}
    ends = {line.rstrip()[-1] for line in lines}
    return any(line != line.rstrip() for line in lines) or ends & ours != ends & set(document["terminals"])


def odd_symbols(document: Document) -> bool:
    """datatrove's list of punctuation leaves out most symbols and holds controls and the digit １."""
    ours = {word for word in document["words"] if all(unicodedata.category(char)[0] in "PS" for char in word)}
    return ours != set(document["symbol_words"])


def joined_alike(document: Document) -> bool:
    """datatrove joins the words of an n-gram without a separator: others of the same characters are equal."""
    words = document["words"]
    for n in range(5, 11):
        grams = {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}
        if len({"".join(gram) for gram in grams}) < len(grams):
            return True
    return False


EXPLAINED: dict[str, Callable[[Document], bool]] = {
    "bullet_line_fraction": other_breaks,
    "ellipsis_line_fraction": other_breaks,
    "duplicate_line_fraction": odd_blanks,
    "duplicate_line_chars_fraction": odd_blanks,
    "duplicate_paragraph_fraction": odd_paragraphs,
    "duplicate_paragraph_chars_fraction": odd_paragraphs,
    "terminal_punctuation_line_fraction": ends_elsewhere,
    "word_count": odd_symbols,
    "mean_word_length": odd_symbols,
    **{f"duplicate_{n}gram_chars_fraction": joined_alike for n in range(5, 11)},
}
"""Rule -> whether its documented difference can show in a document. Rules that are not here have none."""


def compare(documents: list[Document]) -> Counter[str]:
    """Check every value; return how many documents agree, by rule."""
    agreeing: Counter[str] = Counter()
    for document in documents:
        text, words, theirs = document["text"], document["words"], document["values"]
        batch = TextBatch.from_words(pa.array([text], pa.large_string()), [words])
        ours: dict[str, float | None] = {}
        for name in FAMILIES:
            kind = family(name)
            params = {
                **kind.defaults,
                **({"words": STOP_WORDS[document["language"]]} if kind.required else {}),
            }
            measured = values(kind.measure(batch, params), kind.rules)
            ours |= {rule: column[0].as_py() for rule, column in measured.items()}
        for rule, value in theirs.items():
            mine = ours[rule]
            if rule in YES_OR_NO:
                mine = float(mine is not None and mine > 0)
            if mine is None:  # too short for the n-gram: datatrove says 0
                assert value == 0, (rule, text[:80])
            elif mine == pytest.approx(value, rel=1e-12, abs=1e-15):
                agreeing[rule] += 1
            else:
                explained = rule in EXPLAINED and EXPLAINED[rule](document)
                assert explained, f"{rule}: {mine} here, {value} there, of {text[:200]!r}"
    return agreeing


def test_values_are_datatroves_on_our_own_documents() -> None:
    documents = json.loads(make_golden.GOLDEN.read_text("utf-8"))
    agreeing = compare(documents)
    assert len(documents) > 30
    assert {document["language"] for document in documents} == {"en", "zh"}
    for rule in documents[0]["values"]:
        assert agreeing[rule] > 0.5 * len(documents), rule


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "language"), [("en_mixed", "en"), ("en_web", "en"), ("zh_laws", "zh"), ("zh_web", "zh")]
)
def test_values_are_datatroves_on_real_documents(corpus_root: Path, source: str, language: str) -> None:
    if not make_golden.PEERS.exists():
        pytest.skip("datatrove lives in the peers' environment: run `make peers`")
    shard = min((corpus_root / source).glob("*.parquet"))
    texts = [
        text for text in pq.read_table(shard, columns=["text"])["text"].to_pylist() if text and text.strip()
    ]
    chosen = [text for text in texts[:: max(1, len(texts) // 40)] if len(text) < 20_000]
    documents = make_golden.with_values([{"language": language, "text": text} for text in chosen])
    agreeing = compare(documents)
    for rule in documents[0]["values"]:
        assert agreeing[rule] > 0.5 * len(documents), rule
