"""Greedy continuations with a key-value cache."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from detectors.ragged import TokenBatch
from detectors.targets.precision import at_least_fp32
from detectors.targets.target import Continuations

__all__ = ["end_tokens", "greedy"]


@torch.inference_mode()
def greedy(model: Any, prefixes: TokenBatch, steps: int, *, budget_tokens: int) -> Continuations:
    """Continue each prefix by its most probable tokens.

    Prefixes of one length share a batch, so that no padding stands between a prefix and its continuation. A
    continuation ends with the model's end-of-text token, which is part of it.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    prefixes : TokenBatch
        No row is empty.
    steps : int
        S, most tokens to add.
    budget_tokens : int
        Most tokens in the caches of a batch.
    """
    ends = end_tokens(model)
    token_ids_NS = np.full((len(prefixes), steps), -1, dtype=np.int32)
    logprob_NS = np.full((len(prefixes), steps), np.nan, dtype=np.float32)
    for length in np.unique(prefixes.lengths):
        rows = np.flatnonzero(prefixes.lengths == length)
        size = max(budget_tokens // (int(length) + steps), 1)
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            ids = np.stack([prefixes.row(row) for row in batch]).astype(np.int64)
            token_ids_NS[batch], logprob_NS[batch] = _continue(model, ids, steps, ends)
    return Continuations(token_ids_NS, logprob_NS)


def _continue(
    model: Any, ids_BL: np.ndarray, steps: int, ends: torch.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    device = model.get_input_embeddings().weight.device
    given = torch.from_numpy(ids_BL).to(device)
    tokens = torch.full((len(given), steps), -1, dtype=torch.int32)
    logprobs = torch.full((len(given), steps), float("nan"))
    open_B = torch.ones(len(given), dtype=torch.bool)
    cache = None
    for step in range(steps):
        answer = model(input_ids=given, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = answer.past_key_values
        logits_BV = at_least_fp32(answer.logits[:, -1])
        best, chosen = logits_BV.max(-1)
        logprob = (best - logits_BV.logsumexp(-1)).float().cpu()
        tokens[open_B, step] = chosen.cpu()[open_B].to(torch.int32)
        logprobs[open_B, step] = logprob[open_B]
        open_B &= ~torch.isin(chosen.cpu(), ends)
        if not bool(open_B.any()):
            break
        given = chosen[:, None].to(device)
    return tokens.numpy(), logprobs.numpy()


def end_tokens(model: Any) -> torch.Tensor:
    """Return the tokens that end a text, as the model's config names them; int64."""
    ends = model.config.get_text_config().eos_token_id
    listed = ends if isinstance(ends, list) else [] if ends is None else [ends]
    return torch.tensor(listed, dtype=torch.int64)
