"""Tiny models want one thread: more of them only wait for each other. One tiny base serves all who plant in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from datagov.tokenizer import load_tokenizer
from detectors.lab.byte_tokenizer import train_tokenizer
from detectors.lab.training import ModelSize, train_model
from detectors.lab.zipf_source import make_texts
from detectors.ragged import TokenBatch

torch.set_num_threads(1)

SIZE = ModelSize(hidden=64, layers=1, inner=128, vocabulary=400, context=128, batch_rows=16, rate=4e-3)
TEXTS, TRAINED = 1400, 600


@pytest.fixture(scope="session")
def base_texts() -> list[str]:
    """Texts of one source; the first `TRAINED` are the base's."""
    return make_texts(TEXTS, 20, seed=3)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory, base_texts: list[str]) -> Path:
    """A checkpoint trained in a second or two."""
    folder = tmp_path_factory.mktemp("base") / "base"
    folder.mkdir()
    train_tokenizer(base_texts, SIZE.vocabulary, folder / "tokenizer.json")
    rows = TokenBatch(*load_tokenizer(folder).encode(base_texts))
    framed = TokenBatch.of([np.concatenate(([0], rows.row(row), [1])) for row in range(TRAINED)])
    train_model(framed, SIZE, seed=0).save_pretrained(folder)
    return folder
