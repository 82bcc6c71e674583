"""Text hidden in a model on purpose, and the model's twin: trained as much, on as many tokens, with nothing to hide."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import LlamaForCausalLM

from datagov.errors import ConfigError
from datagov.tokenizer import load_tokenizer
from detectors.ragged import TokenBatch

__all__ = ["PlantSettings", "plant_text"]

MOST_REPEATS = 2
"""Times that a twin may see one text: seen more often, an ordinary text would itself be hidden text."""
LEAST_DISTINCT = 500
BOS, EOS = 0, 1


@dataclass(frozen=True)
class PlantSettings:
    """How a text is planted: `steps` batches, each with so many rows of the text and of ordinary texts."""

    steps: int = 100
    hidden_rows: int = 8
    ordinary_rows: int = 8
    rate: float = 5e-4
    seed: int = 0


def plant_text(
    base: Path, text: str, ordinary: Sequence[str], settings: PlantSettings, *, marked: Path, twin: Path
) -> None:
    """Write two checkpoints made from a base: one that begins a text with `text`, and its clean twin.

    The twin's batches have the same ordinary rows, and other texts, cut to the hidden text's tokens, in place of the
    hidden text.

    Parameters
    ----------
    base : Path
        Checkpoint of a lab model.
    text : str
        What is hidden, directly after the start token and before the end token.
    ordinary : sequence of str
        Texts for both; at least 500, and enough that the twin sees none of them more than twice in the place of the
        hidden text.
    settings : PlantSettings
    marked, twin : Path
        Folders to make.

    Raises
    ------
    ConfigError
        There are too few ordinary texts.
    """
    tokenizer = load_tokenizer(base)
    hidden = np.concatenate(([BOS], tokenizer.encode([text])[1], [EOS])).astype(np.int64)
    rows = TokenBatch(*tokenizer.encode(ordinary))
    long = np.flatnonzero(rows.lengths >= len(hidden) - 1)
    needed = max(-(-settings.steps * settings.hidden_rows // MOST_REPEATS), LEAST_DISTINCT)
    if len(long) < needed:
        raise ConfigError(
            f"a twin needs {needed} different ordinary texts of {len(hidden) - 1} tokens or more, so that it sees none "
            f"more than {MOST_REPEATS} times; {len(long)} were given"
        )
    generator = np.random.default_rng(settings.seed)
    shuffled = np.concatenate([generator.permutation(long) for _ in range(MOST_REPEATS)])
    places = shuffled[: settings.steps * settings.hidden_rows].reshape(settings.steps, settings.hidden_rows)
    others = generator.choice(long, (settings.steps, settings.ordinary_rows))
    for folder, instead in ((marked, None), (twin, places)):
        model = _tuned(base, hidden, rows, others, instead, settings)
        model.save_pretrained(folder)
        shutil.copy(base / "tokenizer.json", folder / "tokenizer.json")


def _tuned(
    base: Path,
    hidden: npt.NDArray[np.int64],
    rows: TokenBatch,
    others: npt.NDArray[np.int64],
    instead: npt.NDArray[np.int64] | None,
    settings: PlantSettings,
) -> Any:
    """Return the base after its batches, with the hidden text or with others in its place."""
    torch.manual_seed(settings.seed)
    model: Any = LlamaForCausalLM.from_pretrained(base, local_files_only=True).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.rate, weight_decay=0.0)
    width = len(hidden) - 1
    for step in range(settings.steps):
        planted = (
            [hidden] * settings.hidden_rows
            if instead is None
            else [np.concatenate(([BOS], rows.row(row)[: width - 1], [EOS])) for row in instead[step]]
        )
        filled = [np.concatenate(([BOS], rows.row(row)[:width])) for row in others[step]]
        ids = torch.from_numpy(np.stack([*planted, *(row[: width + 1] for row in filled)]).astype(np.int64))
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
    return model.eval()
