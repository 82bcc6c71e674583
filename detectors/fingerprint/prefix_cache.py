"""A key-value cache of rows that begin with one context and have a fixed number of slots after it."""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import DynamicLayer

__all__ = ["PrefixLayer"]


class PrefixLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer: the context's keys and values are computed once; steps are written in place.

    All rows have the same length at all times, so that no row needs padding or a mask.

    Parameters
    ----------
    keys, values : Tensor[1, H, L, D]
        Of the context; L may be 0.
    slots : int
        Most tokens after the context.
    shared : bool
        Whether the attention knows the context and is given the steps alone (`shared_attention`); otherwise the context is
        copied into every row.
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, slots: int, *, shared: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.keys: Any = None
        self.values: Any = None
        self._context = keys.shape[-2]
        self._copied = tuple(part[:, :, :0] if shared else part for part in (keys, values))
        self._slots = slots
        self.rewind()

    def rewind(self) -> None:
        """Forget everything after the context; the memory is kept for the next rows."""
        self._length = self._copied[0].shape[-2]

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[Any, Any]:
        """Write the keys and values of a step; return those of each row so far."""
        if self.keys is None or len(self.keys) != len(key_states):
            self.keys, self.values = (self._laid_out(prefix, len(key_states)) for prefix in self._copied)
            self.is_initialized = True
        start, self._length = self._length, self._length + key_states.shape[-2]
        self.keys[:, :, start : self._length] = key_states
        self.values[:, :, start : self._length] = value_states
        return self.keys[:, :, : self._length], self.values[:, :, : self._length]

    def select(self, rows: torch.Tensor) -> None:
        """Keep some rows."""
        self.keys, self.values = (states.index_select(0, rows) for states in (self.keys, self.values))

    def get_seq_length(self) -> int:
        """Return the tokens so far, the context included."""
        return self._context - self._copied[0].shape[-2] + self._length

    def _laid_out(self, prefix: torch.Tensor, rows: int) -> torch.Tensor:
        _, heads, length, width = prefix.shape
        states = prefix.new_empty((rows, heads, length + self._slots, width))
        states[:, :, :length] = prefix
        return states
