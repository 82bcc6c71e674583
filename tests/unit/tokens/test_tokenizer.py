"""Tokenizers: the library's own ids, whole texts, and a digest that names how texts become ids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizing import SENTENCES, make_tokenizer

from datagov.errors import ConfigError, InputError
from datagov.tokenizer import load_tokenizer


@given(texts=st.lists(st.text(max_size=40), max_size=8), cap=st.one_of(st.none(), st.integers(0, 9)))
def test_ids_are_the_librarys_without_special_tokens(
    tokenizer_file: Path, texts: list[str], cap: int | None
) -> None:
    backend = Backend.from_file(str(tokenizer_file))
    offsets, ids = load_tokenizer(tokenizer_file).encode(texts, cap=cap)
    assert len(offsets) == len(texts) + 1
    for row, text in enumerate(texts):
        expected = backend.encode(text, add_special_tokens=False).ids
        assert ids[offsets[row] : offsets[row + 1]].tolist() == expected[:cap]


@pytest.mark.parametrize("text", SENTENCES)
def test_decoding_gives_the_text_back(tokenizer_file: Path, text: str) -> None:
    tokenizer = load_tokenizer(tokenizer_file.parent)
    assert tokenizer.decode(tokenizer.encode([text])[1].tolist()) == text


def test_what_is_cut_or_padded_is_no_part_of_the_digest(tokenizer_file: Path, tmp_path: Path) -> None:
    backend = Backend.from_file(str(tokenizer_file))
    backend.enable_truncation(4)
    backend.enable_padding(length=64)
    backend.save(str(tmp_path / "tokenizer.json"), pretty=False)
    plain, dressed = load_tokenizer(tokenizer_file), load_tokenizer(tmp_path / "tokenizer.json")
    assert dressed.digest == plain.digest
    assert dressed.encode([SENTENCES[0]])[1].tolist() == plain.encode([SENTENCES[0]])[1].tolist()


def test_other_merges_are_another_digest(tokenizer_file: Path, tmp_path: Path) -> None:
    other = make_tokenizer(tmp_path, vocabulary=400, seed=1)
    assert load_tokenizer(other).digest != load_tokenizer(tokenizer_file).digest


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"tokenizer_config.json": {"bos_token": {"content": "<s>"}}}, 0),
        ({"tokenizer_config.json": {"bos_token": None, "eos_token": "<s>"}}, 0),
        ({"tokenizer_config.json": {}, "config.json": {"bos_token_id": 7, "eos_token_id": 8}}, 7),
        ({"config.json": {"eos_token_id": [8, 9]}}, 8),
    ],
)
def test_the_start_token_is_bos_else_eos(
    tokenizer_file: Path, tmp_path: Path, files: dict[str, object], expected: int | None
) -> None:
    (tmp_path / "tokenizer.json").write_bytes(tokenizer_file.read_bytes())
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    assert load_tokenizer(tmp_path).start_token_id == expected


def test_what_is_no_tokenizer_is_refused_with_its_path(tokenizer_file: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"model": 3}')
    for path, said in ((tmp_path, "no tokenizer.json"), (tmp_path / "broken.json", "not a tokenizer")):
        with pytest.raises(InputError, match=said):
            load_tokenizer(path)
    with pytest.raises(ConfigError, match="no token '<nothing>'"):
        load_tokenizer(tokenizer_file).token_id("<nothing>")
