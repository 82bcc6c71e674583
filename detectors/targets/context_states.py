"""Tokens that stand before every row: their keys and values are computed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

__all__ = ["LONG_CONTEXT", "States", "attention_window", "cache_behind", "read_states", "within_window"]

LONG_CONTEXT = 8
"""Tokens from which on it pays to hold them once; after fewer, the plain ways take as long or less on a CPU."""
States = list[tuple[torch.Tensor, torch.Tensor]]
"""Of each layer the keys [1, H, L, D] and values [1, H, L, E] of L tokens."""


@torch.inference_mode()
def read_states(model: Any, decoder: Any, ids: Sequence[int]) -> States | None:
    """Return the states of some tokens; None where a layer keeps something else than keys and values.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    decoder : torch.nn.Module
        What gives hidden states: a part of the model, or the model.
    ids : sequence of int
        May be empty.
    """
    cache: Any = DynamicCache(config=model.config.get_text_config(decoder=True))
    if not all(isinstance(layer, DynamicLayer) for layer in cache.layers):
        return None
    token_1L = torch.tensor([list(ids) or [0]], device=model.get_input_embeddings().weight.device)
    decoder(input_ids=token_1L, past_key_values=cache, use_cache=True)
    length = len(ids)
    return [(layer.keys[:, :, :length], layer.values[:, :, :length]) for layer in cache.layers]


def attention_window(model: Any) -> int | None:
    """Return the most tokens that every layer attends to; None where no layer has a window or attends by chunks."""
    cache: Any = DynamicCache(config=model.config.get_text_config(decoder=True))
    windows = [layer.sliding_window for layer in cache.layers if getattr(layer, "is_sliding", False)]
    return min(windows, default=None)


def within_window(model: Any, tokens: int) -> bool:
    """Return whether every layer attends to all of so many tokens."""
    window = attention_window(model)
    return window is None or tokens <= window


def cache_behind(states: States) -> Any:
    """Return a cache for one pass over rows that stand behind the tokens of `states`."""
    layers: list[Any] = [_Behind(keys, values) for keys, values in states]
    return Cache(layers=layers)


class _Behind(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer: gives every row the same states before its own, and keeps nothing."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._before = (keys, values)
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[Any, Any]:
        """Return the keys and values that each row attends to."""
        rows = len(key_states)
        keys, values = (
            torch.cat([before.expand(rows, -1, -1, -1), own], 2)
            for before, own in zip(self._before, (key_states, value_states), strict=True)
        )
        return keys, values

    def get_seq_length(self) -> int:
        """Return the tokens before each row."""
        return self._before[0].shape[2]
