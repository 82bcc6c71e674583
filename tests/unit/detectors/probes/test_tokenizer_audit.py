"""The audit of tokenizers: classes of hand-made tokens, and rates by plain counting."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers
from tokenizing import make_tokenizer

from datagov.cli import main
from datagov.lexicons.file import starter
from datagov.tokenizer import Tokenizer, load_tokenizer
from detectors.probes.token_classes import CLASSES, read_vocabulary
from detectors.probes.tokenizer_audit import PARALLEL, long_phrases, parity, rates

SPAM = "免费视频"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level vocabulary with a few tokens of every kind."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges: list[tuple[str, str]] = []
    names = ["<s>", *alphabet]

    def add(text: str) -> None:
        """Add a token and the merges that lead to it."""
        spelled = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)[0][
            0
        ]
        joined = spelled[0]
        for letter in spelled[1:]:
            if (joined, letter) not in merges:
                merges.append((joined, letter))
            joined += letter
            if joined not in names:
                names.append(joined)

    for text in ("cat", " dog", "кот", "a1", " 42", SPAM, " fuck"):
        add(text)
    backend = Backend(models.BPE({name: at for at, name in enumerate(names)}, merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<s>"])
    path = tmp_path_factory.mktemp("made") / "tokenizer.json"
    backend.save(str(path))
    return path


@pytest.fixture(scope="module")
def tokenizer(made: Path) -> Tokenizer:
    return load_tokenizer(made)


@pytest.mark.parametrize(
    ("text", "expected", "script"),
    [
        ("<s>", "control_tokens", ""),
        ("cat", "inner_alpha", "latin"),
        (" dog", "spaced_alpha", "latin"),
        ("кот", "inner_alpha", "cyrillic"),
        ("a", "char_alpha", "latin"),
        ("7", "char_other", ""),
        ("a1", "inner_errors", ""),
        (" 42", "spaced_other", ""),
        (SPAM, "inner_alpha", "han"),
    ],
)
def test_tokens_are_of_the_class_that_their_text_says(
    tokenizer: Tokenizer, text: str, expected: str, script: str
) -> None:
    vocabulary = read_vocabulary(tokenizer)
    (token,) = [
        at
        for at, said in enumerate(vocabulary.seeds.name)
        if tokenizer.decode([vocabulary.seeds.token_N[at]]) == text
    ]
    assert (vocabulary.class_N[token], vocabulary.script_N[token]) == (expected, script)


def test_every_token_is_in_one_class_and_bytes_are_bytes(tokenizer: Tokenizer) -> None:
    vocabulary = read_vocabulary(tokenizer)
    counts = vocabulary.class_counts()
    assert list(counts) == list(CLASSES)
    assert len(CLASSES) == 12
    assert sum(counts.values()) == len(vocabulary.seeds)
    assert counts["pure_unicode"] == 128
    assert counts["unicode_flanks"] > 0
    assert (
        sum(vocabulary.script_counts().values())
        == counts["char_alpha"] + counts["spaced_alpha"] + counts["inner_alpha"]
    )


def test_rates_are_what_counting_gives(tokenizer: Tokenizer) -> None:
    texts = ["cat dog", "桥 cat", SPAM]
    vocabulary = read_vocabulary(tokenizer)
    found = rates(texts, tokenizer, vocabulary)
    each = [tokenizer.encode([text])[1].tolist() for text in texts]
    tokens = sum(map(len, each))
    assert found.tokens == tokens
    assert found.bytes_per_token == sum(len(text.encode()) for text in texts) / tokens
    assert found.chars_per_token == sum(map(len, texts)) / tokens
    broken = sum("\N{REPLACEMENT CHARACTER}" in tokenizer.decode([token]) for ids in each for token in ids)
    assert broken == 3
    assert found.broken_fraction == broken / tokens
    assert found.one_han_fraction == 0.0
    assert found.changed_texts == 0


def test_nothing_to_divide_by_is_none(tokenizer: Tokenizer) -> None:
    found = rates([""], tokenizer, read_vocabulary(tokenizer))
    assert (found.tokens, found.bytes_per_token, found.fertility, found.one_han_fraction) == (
        0,
        None,
        None,
        None,
    )


def test_parity_is_of_sentences_that_say_the_same(tokenizer: Tokenizer) -> None:
    english = sum(len(tokenizer.encode([one])[1]) for one, _ in PARALLEL)
    chinese = sum(len(tokenizer.encode([other])[1]) for _, other in PARALLEL)
    assert parity(tokenizer) == chinese / english


def test_phrases_are_long_han_tokens_and_those_with_terms(tokenizer: Tokenizer) -> None:
    vocabulary = read_vocabulary(tokenizer)
    assert [(one.text, one.han, one.terms) for one in long_phrases(vocabulary)] == [(SPAM, 4, ())]
    named = [(one.text, one.terms) for one in long_phrases(vocabulary, starter())]
    assert ("fuck", ("fuck",)) in named
    assert named[-1] == (SPAM, ())


def test_the_command_measures_each_file_by_itself(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    for file, texts in zip(files, (["cat dog", None], ["桥"]), strict=True):
        pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), file)
    asked = ["detect", "tokenizer", str(made)]
    for file in files:
        asked += ["--texts", str(file)]
    assert main([*asked, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [found["texts"] for found in said["texts"].values()] == [1, 1]
    assert main(asked) == 0
    assert "in Chinese as in English" in capsys.readouterr().out
    other = make_tokenizer(tmp_path / "other", vocabulary=300)
    assert main(["detect", "tokenizer", str(other), "--json"]) == 0
