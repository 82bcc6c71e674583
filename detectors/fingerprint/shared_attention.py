"""Attention of one new token a row to a context that all rows share, and to the row's own steps.

The context's keys and values stand in memory once: its scores and its part of the result are two matrix products over all rows,
in place of a copy in every row that each row reads for itself. (Known as attention with a shared prefix: Hydragen,
arXiv 2402.05099; bifurcated attention, arXiv 2403.08845.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from detectors.targets.precision import at_least_fp32

__all__ = ["SHARED", "ContextCheck", "Contexts", "attend", "attention_by"]

Contexts = Sequence[tuple[torch.Tensor, torch.Tensor]]
"""Of each layer the context's keys [1, H', L, D] and values [1, H', L, E]."""
SHARED = "datagov_shared_context"
"""Name of our attention for transformers."""
LARGEST = {torch.float64: 1e-6, torch.float32: 1e-4}
"""Largest difference between the two, over the largest number of the result, at which they count as one."""
LARGEST_HALF = 2e-2
"""The same for half precision, whose steps are 2^-8 in bfloat16."""
FEW = 4
"""Steps times query heads of a key head, up to which a row's own small products are made element by element: a product of
matrices for each row and head takes longer to begin than to compute."""


def attend(
    query: torch.Tensor,
    context: tuple[torch.Tensor, torch.Tensor],
    key: torch.Tensor,
    value: torch.Tensor,
    scaling: float,
) -> torch.Tensor:
    """Return [B, 1, H, E]: what each row's new token takes from the context and from its own steps.

    Parameters
    ----------
    query : Tensor[B, H, 1, D]
    context : (Tensor[1, H', L, D], Tensor[1, H', L, E])
        H' key heads serve H heads, H / H' each, in order. L may be 0.
    key, value : Tensor[B, H', N, D], Tensor[B, H', N, E]
        Of the row's own steps, the new one last.
    scaling : float
        Of the scores, before the softmax.
    """
    rows, heads, _, width = query.shape
    key_heads, length = key.shape[1], context[0].shape[2]
    group = heads // key_heads
    # Scores are made and kept in fp32, as torch's kernels do: in half precision they would be rounded, or overflow.
    grouped = at_least_fp32(query).reshape(rows, key_heads, group, width) * scaling
    by_head = grouped.transpose(0, 1).reshape(key_heads, rows * group, width)
    context_key, key = at_least_fp32(context[0][0]), at_least_fp32(key)
    of_context = torch.bmm(by_head, context_key.transpose(1, 2)).view(key_heads, rows, group, length)
    by_hand = group * key.shape[2] <= FEW
    if by_hand:
        of_steps = (grouped[:, :, :, None] * key[:, :, None]).sum(-1)
    else:
        of_steps = torch.matmul(grouped, key.transpose(2, 3))
    scores = torch.cat([of_context, of_steps.transpose(0, 1)], -1)
    weights = scores.softmax(-1, dtype=torch.float32).to(query.dtype)
    from_context = torch.bmm(weights[..., :length].reshape(key_heads, rows * group, length), context[1][0])
    own = weights[..., length:].transpose(0, 1)
    from_steps = (own[..., None] * value[:, :, None]).sum(3) if by_hand else torch.matmul(own, value)
    found = from_context.view(key_heads, rows, group, -1).transpose(0, 1) + from_steps
    return found.reshape(rows, 1, heads, -1)


class ContextCheck:
    """Ours held against a model's own attention, call by call: how many, and whether all agreed."""

    def __init__(self, implementation: str) -> None:
        self._own = ALL_ATTENTION_FUNCTIONS[implementation]
        self.calls = 0
        self.agreed = True

    def attend(
        self,
        module: Any,
        query: torch.Tensor,
        context: tuple[torch.Tensor, torch.Tensor],
        key: torch.Tensor,
        value: torch.Tensor,
        given: dict[str, Any],
    ) -> torch.Tensor:
        """Return what the model's own attention says."""
        spread = [
            torch.cat([part.expand(len(query), -1, -1, -1), own], 2)
            for part, own in zip(context, (key, value), strict=True)
        ]
        theirs: torch.Tensor = self._own(module, query, *spread, None, **given)[0]
        ours = attend(query, context, key, value, given["scaling"])
        self.calls += 1
        largest = LARGEST.get(query.dtype, LARGEST_HALF) * float(theirs.abs().max())
        # Not the other way round: NaN is no agreement.
        self.agreed = self.agreed and float((ours - theirs).abs().max()) <= largest
        return theirs


def _shared(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: torch.Tensor | None,
    *,
    contexts: Contexts,
    check: ContextCheck | None = None,
    **given: Any,
) -> tuple[torch.Tensor, None]:
    context = contexts[module.layer_idx]
    if check is not None:
        return check.attend(module, query, context, key, value, given), None
    return attend(query, context, key, value, given["scaling"]), None


ALL_ATTENTION_FUNCTIONS.register(SHARED, _shared)


@contextmanager
def attention_by(config: Any, name: str) -> Iterator[None]:
    """Let the model of a configuration attend by a function registered with transformers, for as long as the block lasts."""
    before = config._attn_implementation  # noqa: SLF001 - what transformers itself reads at every call
    config._attn_implementation = name  # noqa: SLF001
    try:
        yield
    finally:
        config._attn_implementation = before  # noqa: SLF001
