"""Copies of a checkpoint with other weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from datagov.errors import TargetError
from detectors.lab.recipes import CHAT_FILE
from detectors.targets.adapters import with_adapter
from detectors.targets.checkpoint_loading import load_model

__all__ = ["merge_adapter", "save_copy"]

KEPT = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
    CHAT_FILE,
)
"""Files of a checkpoint that a copy keeps beside its weights."""


def save_copy(model: Any, base: Path, folder: Path) -> None:
    """Write a model, with all but the weights of the checkpoint that it was made from."""
    model.save_pretrained(folder)
    for name in KEPT:
        if (base / name).is_file():
            shutil.copy(base / name, folder / name)


def merge_adapter(base: Path, adapter: Path, folder: Path) -> None:
    """Write a checkpoint with a LoRA adapter worked into its weights, in fp32.

    Raises
    ------
    TargetError
        One of the two cannot be loaded, or the weights are of a kind that nothing can be worked into.
    """
    model = load_model(base, dtype=torch.float32, device="cpu", adapter=None)
    try:
        merged = with_adapter(model, adapter).merge_and_unload()
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise TargetError(
            f"{adapter}: cannot be merged into {base} ({' '.join(str(error).split())[:500]})"
        ) from error
    save_copy(merged, base, folder)
