"""Telling a lack of memory from other failures of torch."""

from __future__ import annotations

import torch

__all__ = ["out_of_memory"]


def out_of_memory(error: Exception) -> bool:
    """Say whether memory ran out; torch has an error of its own for GPUs only."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
