"""A lab from beginning to end: texts, tokenizer, frequency table, model, exports; read `train_lab` from top to bottom."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from datagov.errors import ConfigError
from datagov.frequency import write_frequency
from datagov.storage import encode_table, replace
from datagov.tokenizer import load_tokenizer
from detectors.lab.boilerplate import with_boilerplate
from detectors.lab.byte_tokenizer import count_tokens, train_tokenizer
from detectors.lab.gguf_export import export_gguf
from detectors.lab.lab_texts import LabSizes, divide
from detectors.lab.training import ModelSize, train_model
from detectors.lab.zipf_source import make_texts
from detectors.ragged import TokenBatch

__all__ = ["Lab", "LabSettings", "train_lab"]

EXCERPT_CHARS = 400
"""Most characters of a text that a lab uses: about what a window of its models holds."""
SPARE = 1.1
"""Texts made by the project itself, as a share of those needed: some are near-duplicates by chance."""


@dataclass(frozen=True)
class LabSettings:
    """What kind of lab."""

    sizes: LabSizes = field(
        default_factory=lambda: LabSizes(
            {1: 300, 4: 200, 16: 100}, non_members=600, calibration=600, background=1500
        )
    )
    model: ModelSize = field(default_factory=ModelSize)
    seed: int = 0
    words: int = 60
    """Words of a text that the project makes itself."""
    boilerplate: tuple[int, ...] = ()
    """Training texts that begin with each piece of boilerplate: natural memorised text, which is no hidden text."""


@dataclass(frozen=True)
class Lab:
    """Where a lab's parts are."""

    folder: Path

    @property
    def model(self) -> Path:
        """Checkpoint: config, safetensors, tokenizer."""
        return self.folder / "model"

    @property
    def gguf(self) -> Path:
        """The same model as GGUF."""
        return self.folder / "model.gguf"

    @property
    def frequency(self) -> Path:
        """Token-frequency table of the background texts."""
        return self.folder / "frequency.parquet"

    def texts(self, name: str) -> Path:
        """Return the file of a set: members, non_members, calibration, shifted, background, labelled or trap.

        `trained` is what the model saw, each text as often as it saw it.
        """
        return self.folder / "texts" / f"{name}.parquet"


def train_lab(
    folder: Path,
    settings: LabSettings,
    *,
    corpus: Sequence[str] | None = None,
    told: Callable[[int, int, float], object] = lambda *_: None,
) -> Lab:
    """Make a lab in an empty folder.

    Parameters
    ----------
    folder : Path
    settings : LabSettings
    corpus : sequence of str or None
        Texts to divide; None for texts made by the project itself.
    told : callable
        Hears of each training step: its number, how many there are, the loss.

    Raises
    ------
    ConfigError
        The folder is not empty, or there are too few texts.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder}: not empty; a lab is made in a folder of its own")
    lab, sizes, seed = Lab(folder), settings.sizes, settings.seed
    given = (
        make_texts(int(sizes.all * SPARE), settings.words, seed=seed)
        if corpus is None
        else [text.strip()[:EXCERPT_CHARS] for text in corpus if text.strip()]
    )
    texts = divide(given, sizes, seed=seed)
    lab.model.mkdir(parents=True)
    tokenizer_path = lab.model / "tokenizer.json"
    train_tokenizer(texts.background, settings.model.vocabulary, tokenizer_path)
    trained = with_boilerplate(texts.training(seed=seed), settings.boilerplate, seed=seed)
    model = train_model(_rows(trained, tokenizer_path), settings.model, seed=seed, told=told)
    model.save_pretrained(lab.model)
    export_gguf(model, tokenizer_path, lab.gguf)
    write_frequency(lab.frequency, count_tokens(texts.background, tokenizer_path, settings.model.vocabulary))
    tables = {**texts.tables(), "trained": pa.table({"text": pa.array(trained, pa.large_string())})}
    for name, table in tables.items():
        replace(lab.texts(name), encode_table(table))
    replace(folder / "lab.json", json.dumps(asdict(settings), indent=1, sort_keys=True).encode())
    return lab


def _rows(texts: Sequence[str], tokenizer: Path) -> TokenBatch:
    """Return BOS, the tokens of a text, EOS, for each text."""
    offsets, ids = load_tokenizer(tokenizer).encode(texts)
    encoded = TokenBatch(offsets, ids)
    return TokenBatch.of([np.concatenate(([0], encoded.row(row), [1])) for row in range(len(encoded))])
