"""Steps of rows behind one context, as the model itself computes them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Protocol

import torch
from transformers.cache_utils import Cache

from detectors.fingerprint.prefix_cache import PrefixLayer
from detectors.fingerprint.shared_attention import SHARED, ContextCheck, attention_by
from detectors.targets.context_states import States

__all__ = ["UNLIKE", "ModelSteps", "Steps"]

UNLIKE = (TypeError, KeyError, AttributeError, IndexError, ValueError, RuntimeError)
"""What a model raises of which parts have the expected names and are called in another way."""


class Steps(Protocol):
    """Rows that are fed one token a step."""

    def feed(self, token_A: torch.Tensor, step: int) -> torch.Tensor:
        """Return the hidden states [A, D] of one more token a row.

        Step 0 begins new rows; other steps have the rows of the step before, or those of them that were selected.
        """
        ...

    def select(self, rows: torch.Tensor) -> None:
        """Keep some rows."""
        ...


class ModelSteps:
    """Rows of a decoder of transformers.

    Parameters
    ----------
    config : PretrainedConfig
        Of the decoder.
    decoder : torch.nn.Module
        What gives hidden states, or a whole model, whose logits are then what `feed` returns.
    states : States
        Of the context.
    slots : int
        Most steps.
    shared : bool
        Whether rows attend to one context in memory (`shared_attention`) or to a copy each.
    check : ContextCheck or None
        What notes whether the two are the same, where they share it.
    """

    def __init__(
        self,
        config: Any,
        decoder: Any,
        states: States,
        slots: int,
        *,
        shared: bool,
        check: ContextCheck | None = None,
    ) -> None:
        self._config, self._decoder, self._shared = config, decoder, shared
        self._given: dict[str, Any] = {"contexts": states, "check": check} if shared else {}
        self._length = states[0][0].shape[2] if states else 0
        self._layers = [PrefixLayer(keys, values, slots, shared=shared) for keys, values in states]
        self._cache: Any = Cache(layers=list(self._layers))

    def feed(self, token_A: torch.Tensor, step: int) -> torch.Tensor:
        """Return the hidden states [A, D], or the logits [A, V], of one more token a row; see `Steps`."""
        if step == 0:
            for layer in self._layers:
                layer.rewind()
        position_11 = torch.full((1, 1), self._length + step, device=token_A.device)
        with attention_by(self._config, SHARED) if self._shared else nullcontext():
            said = self._decoder(
                input_ids=token_A[:, None],
                position_ids=position_11,
                past_key_values=self._cache,
                use_cache=True,
                **self._given,
            )
        found: torch.Tensor = (said.logits if "logits" in said else said.last_hidden_state)[:, -1]
        return found

    def select(self, rows: torch.Tensor) -> None:
        """Keep some rows."""
        for layer in self._layers:
            layer.select(rows.to(layer.keys.device))
