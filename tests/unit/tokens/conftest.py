"""A small byte-level tokenizer, trained on the spot."""

from __future__ import annotations

from pathlib import Path

import pytest
import tokenizing


@pytest.fixture(scope="session")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level BPE of 400 tokens, with `<s>` as its start token; not to be changed."""
    return tokenizing.make_tokenizer(tmp_path_factory.mktemp("tokenizer"), vocabulary=400)
