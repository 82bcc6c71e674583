"""Texts as sentences of tokens, against their plain definition."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language_models import require_kenlm

from datagov.lm.card import Reading, Weights
from datagov.lm.model import open_pieces
from datagov.lm.normal import PLAIN, cc_net
from datagov.lm.sentences import Sentences, read_sentences
from datagov.text.batch import TextBatch

few = settings(max_examples=50)
texts = st.lists(st.text("ab的好 \n\t\x00\x85\u3000é１。", max_size=20), max_size=4)


def batch(documents: list[str]) -> TextBatch:
    return TextBatch(pa.array(documents, pa.large_string()))


def listed(found: Sentences, documents: int) -> list[list[str]]:
    """Sentences of each document, as text."""
    pieces = [found.data[a:b].decode() for a, b in pairwise(found.ends.tolist())]
    assert found.tokens.tolist() == [len(piece.split(" ")) for piece in pieces]
    return [
        [piece for piece, row in zip(pieces, found.document, strict=True) if row == at]
        for at in range(documents)
    ]


def is_character(char: str) -> bool:
    return not char.isspace() and unicodedata.category(char) != "Cc"


def plain(tokens_of_lines: list[list[str]], sentences: str) -> list[str]:
    if sentences == "document":
        tokens_of_lines = [[token for line in tokens_of_lines for token in line]]
    return [" ".join(line) for line in tokens_of_lines if line]


@few
@given(texts, st.sampled_from(["lines", "document"]))
def test_characters_are_tokens(documents: list[str], sentences: str) -> None:
    reading = Reading.model_validate({"tokens": "characters", "sentences": sentences})
    expected = [
        plain([[char for char in line if is_character(char)] for line in text.split("\n")], sentences)
        for text in documents
    ]
    assert listed(read_sentences(batch(documents), reading), len(documents)) == expected


@few
@given(texts, st.sampled_from(["lines", "document"]))
def test_words_are_those_of_the_batch(documents: list[str], sentences: str) -> None:
    reading = Reading.model_validate({"tokens": "words", "sentences": sentences})
    whole = batch(documents)
    text = "".join(documents)
    expected = []
    for row in range(len(documents)):
        lines: list[list[str]] = [[]]
        last = int(whole.offsets[row])
        for at in range(whole.words.offsets[row], whole.words.offsets[row + 1]):
            start, end = int(whole.words.start[at]), int(whole.words.end[at])
            if "\n" in text[last:start]:
                lines.append([])
            if unicodedata.category(text[start]) != "Cc":
                lines[-1].append(text[start:end])
            last = end
        expected.append(plain(lines, sentences))
    assert listed(read_sentences(whole, reading), len(documents)) == expected


def cc_net_plainly(text: str) -> str:
    """The definition, step by step."""
    text = text.strip().lower()
    text = "".join(char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != "Mn")
    text = re.sub(r"\d", "0", text)
    text = "".join(PLAIN.get(char, char) for char in text)
    return "".join(char for char in text if not (ord(char) < 32 or 127 <= ord(char) < 160))


@few
@given(
    st.text(st.sampled_from([*PLAIN, *"ÉéΣσ 0９１٣\n\t\x07\x9f한ǅİ的"]), max_size=20) | st.text(max_size=10)
)
def test_cc_nets_normal_form(text: str) -> None:
    assert cc_net(text) == cc_net_plainly(text)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        (" Éa 12\n3１ ", "ea 000" + "0"),
        ("“你好”，他说：《书》。", '"你好",他说:"书".'),
        ("…—．", "... - . "),
        ("", ""),
    ],
)
def test_what_cc_net_makes_of_texts(text: str, becomes: str) -> None:
    assert cc_net(text) == becomes


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small SentencePiece model."""
    require_kenlm()
    import sentencepiece

    folder = tmp_path_factory.mktemp("pieces")
    lines = [
        "the cat sat on the mat",
        "a dog sat on the log",
        "猫坐在垫子上",
        "狗坐在木头上",
        "cats and dogs sat",
    ] * 20
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_prefix=str(folder / "tiny"), vocab_size=30, minloglevel=2
    )
    return folder / "tiny.model"


@pytest.mark.parametrize("sentences", ["lines", "document"])
def test_pieces_are_sentencepieces(pieces: Path, sentences: str) -> None:
    processor = open_pieces(pieces)
    documents = ["the cat sat\n猫坐在\n\n \n", "", "a dog"]
    reading = Reading(
        tokens="pieces", sentences=sentences, pieces=Weights(file="tiny.model", sha256="0" * 64)
    )
    parts = [text.split("\n") if sentences == "lines" else [text] for text in documents]
    expected = [plain([processor.encode(line, out_type=str) for line in lines], "lines") for lines in parts]
    assert listed(read_sentences(batch(documents), reading, processor), 3) == expected
    assert [len(each) for each in expected] == ([2, 0, 1] if sentences == "lines" else [1, 0, 1])
