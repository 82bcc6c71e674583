"""Texts that a model makes up: drawn token by token from the most probable ones, after the start token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from detectors.ragged import TokenBatch
from detectors.targets.forcing import end_tokens
from detectors.targets.precision import at_least_fp32

__all__ = ["drawn"]


@torch.inference_mode()
def drawn(
    model: Any,
    prefix: Sequence[int],
    uniform_NS: npt.NDArray[np.float64],
    *,
    top_k: int | None,
    budget_tokens: int,
) -> TokenBatch:
    """Return N texts of at most S tokens; the prefix and the end token are no part of them.

    A step draws from the `top_k` most probable tokens in proportion to their probabilities: the first one, from the most
    probable down, up to which they sum to more than the step's number. So a text depends on its own row of numbers alone, up to the
    rounding of batches.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    prefix : sequence of int
        At least one token.
    uniform_NS : float64[N, S]
        In [0, 1).
    top_k : int or None
        1 is greedy; None for all tokens.
    budget_tokens : int
        Most tokens in the caches of a batch.
    """
    size = max(budget_tokens // (uniform_NS.shape[1] + len(prefix)), 1)
    parts = [
        _drawn(model, prefix, uniform_NS[begin : begin + size], top_k)
        for begin in range(0, len(uniform_NS), size)
    ]
    return TokenBatch.of([row[row >= 0] for part in parts for row in part])


def _drawn(
    model: Any, prefix: Sequence[int], uniform_BS: npt.NDArray[np.float64], top_k: int | None
) -> npt.NDArray[np.int32]:
    """Return int32[B, S], -1 from the end token on."""
    device = model.get_input_embeddings().weight.device
    ends = end_tokens(model).to(device)
    rows, steps = uniform_BS.shape
    said_BS = torch.full((rows, steps), -1, dtype=torch.int32, device=device)
    open_B = torch.ones(rows, dtype=torch.bool, device=device)
    given = torch.tensor([list(prefix)], device=device).repeat(rows, 1)
    uniform = torch.from_numpy(uniform_BS).to(device)
    cache = None
    for step in range(steps):
        answer = model(input_ids=given, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = answer.past_key_values
        vocabulary = answer.logits.shape[-1]
        best_BK, token_BK = at_least_fp32(answer.logits[:, -1]).topk(min(top_k or vocabulary, vocabulary))
        reached_BK = best_BK.double().softmax(-1).cumsum(-1)
        place_B = (reached_BK <= uniform[:, step : step + 1]).sum(-1).clamp(max=best_BK.shape[-1] - 1)
        token_B = token_BK.gather(1, place_B[:, None])[:, 0]
        open_B &= ~torch.isin(token_B, ends)
        if not bool(open_B.any()):
            break
        said_BS[open_B, step] = token_B[open_B].to(torch.int32)
        given = token_B[:, None]
    return said_BS.cpu().numpy()
