"""LoRA adapters by peft."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["peft_calls", "with_adapter"]


@contextmanager
def peft_calls() -> Iterator[None]:
    """Say nothing of what peft asks transformers for: a name that transformers is about to drop."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing.*", FutureWarning)
        yield


def with_adapter(model: Any, adapter: Path) -> Any:
    """Return a model with the adapter in a folder in place, as a `peft.PeftModel`; from safetensors only.

    Raises
    ------
    OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError
        As peft does: the folder holds no adapter, or one of another model.
    """
    from peft import PeftModel  # noqa: PLC0415 - only with an adapter

    with peft_calls():
        return PeftModel.from_pretrained(model, adapter, is_trainable=False, use_safetensors=True)
