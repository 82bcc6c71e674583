"""The last layer of a checkpoint, applied chunk by chunk: the logits of a whole batch never exist at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from detectors.targets.precision import at_least_fp32

__all__ = ["OutputHead", "head_of"]

ALTERED_BY = (
    "final_logit_softcapping",
    "logit_scale",
    "logits_scaling",
    "lm_head_multiplier",
    "output_multiplier",
)
"""Settings by which some families change the logits after the last layer."""
CHECK_TOKENS = 12
CHECK_LARGEST = 1e-3
"""Largest relative difference from the model's own logits at which the two paths count as one; 20 times that in half precision."""


class OutputHead:
    """A linear layer from hidden states to logits in fp32, or in fp64 if its weights are."""

    def __init__(self, layer: nn.Linear) -> None:
        self._weight_VD = layer.weight.detach()
        self._bias_V = None if layer.bias is None else at_least_fp32(layer.bias.detach())
        self._products = self._weight_VD.is_cuda and self._weight_VD.dtype in (torch.bfloat16, torch.float16)
        if not self._products:
            self._weight_VD = at_least_fp32(self._weight_VD)

    @property
    def device(self) -> torch.device:
        """Where hidden states have to be."""
        return self._weight_VD.device

    @property
    def vocabulary_size(self) -> int:
        """V: rows of the layer, padding included."""
        return len(self._weight_VD)

    def logits(self, hidden_MD: torch.Tensor) -> torch.Tensor:
        """Return float32[M, V] or float64[M, V]: on a GPU the products of half-precision numbers are summed and kept in fp32."""
        if self._products:
            logits_MV = torch.mm(hidden_MD, self._weight_VD.T, out_dtype=torch.float32)
            return logits_MV if self._bias_V is None else logits_MV.add_(self._bias_V)
        return nn.functional.linear(hidden_MD.to(self._weight_VD.dtype), self._weight_VD, self._bias_V)


def head_of(model: Any, decoder: Any) -> OutputHead | None:
    """Return the head of a causal language model if applying it by hand gives the model's own logits; else None.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    decoder : torch.nn.Module
        The part of the model that gives hidden states.
    """
    layer = model.get_output_embeddings()
    config = model.config.get_text_config()
    if type(layer) is not nn.Linear or layer.weight.is_meta or decoder is model:
        return None
    if any(getattr(config, name, None) not in (None, 1, 1.0) for name in ALTERED_BY):
        return None
    head = OutputHead(layer)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(config.vocab_size, (1, CHECK_TOKENS), generator=generator)
    ids = ids.to(model.get_input_embeddings().weight.device)
    with torch.inference_mode():
        own = at_least_fp32(model(input_ids=ids, use_cache=False).logits[0])
        hidden = decoder(input_ids=ids, use_cache=False).last_hidden_state[0]
        ours = head.logits(hidden.to(head.device)).to(own.device)
    half = layer.weight.dtype in (torch.bfloat16, torch.float16)
    largest = 20 * CHECK_LARGEST if half else CHECK_LARGEST
    return head if bool((own - ours).abs().max() <= largest * own.abs().max().clamp_min(1.0)) else None
