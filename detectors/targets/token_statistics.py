"""What one row of logits says of the token that came: six numbers, in fp32 or fp64, without keeping the row."""

from __future__ import annotations

from typing import NamedTuple

import torch

from detectors.targets.cpu_statistics import row_statistics
from detectors.targets.fused_statistics import fused_statistics

__all__ = ["TokenStatistics", "token_statistics"]

SLICE_BYTES = 1 << 20
"""Logits that a CPU works on at a time, which stay in a core's own cache from one operation to the next."""
LEAST = -1e9
"""Logits further than this below the top count as so far: their probability is 0 in any case, and 0 times minus infinity is NaN."""


class TokenStatistics(NamedTuple):
    """Shape (M,) each; see `detectors.trace.TraceBatch` for what they mean."""

    logprob: torch.Tensor
    entropy: torch.Tensor
    variance: torch.Tensor
    top1: torch.Tensor
    rank: torch.Tensor
    """int32."""
    top1_id: torch.Tensor
    """int32."""


def token_statistics(logits_MV: torch.Tensor, token_M: torch.Tensor) -> TokenStatistics:
    """Return the statistics of M tokens.

    Parameters
    ----------
    logits_MV : float32[M, V] or float64[M, V]
        What is returned has its number format. Overwritten: its memory serves for the intermediate steps.
    token_M : int64[M]
        The token that came at each row.
    """
    if logits_MV.is_cuda:
        fused = fused_statistics(logits_MV, token_M)
        return plain_statistics(logits_MV, token_M) if fused is None else TokenStatistics(*fused)
    found = row_statistics(logits_MV, token_M) if logits_MV.dtype == torch.float32 else None
    if found is not None:
        return TokenStatistics(*found)
    rows = max(SLICE_BYTES // (logits_MV.shape[1] * logits_MV.itemsize), 1)
    parts = [
        plain_statistics(logits_MV[start : start + rows], token_M[start : start + rows])
        for start in range(0, max(len(token_M), 1), rows)
    ]
    return TokenStatistics(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def plain_statistics(logits_MV: torch.Tensor, token_M: torch.Tensor) -> TokenStatistics:
    """Return the same by torch's own operations, on any device."""
    token_M1 = token_M[:, None]
    chosen_M1 = logits_MV.gather(1, token_M1)
    top1_id_M = _first_largest(logits_MV)
    work_MV = torch.empty_like(logits_MV)
    # Comparing into floats: summing them is several times faster than summing booleans, and exact below 2^24.
    rank_M = torch.gt(logits_MV, chosen_M1, out=work_MV).sum(1).to(torch.int32)
    top_M1 = logits_MV.amax(1, keepdim=True)
    shifted_MV = logits_MV.sub_(top_M1).clamp_min_(LEAST)
    weight_MV = torch.exp(shifted_MV, out=work_MV)
    sum_M = weight_MV.sum(1)
    mean_M = torch.linalg.vecdot(weight_MV, shifted_MV) / sum_M
    # Centred before it is squared: the difference of two large moments would lose the small variances.
    squared_MV = shifted_MV.sub_(mean_M[:, None]).square_()
    variance_M = torch.linalg.vecdot(weight_MV, squared_MV) / sum_M
    log_sum_M = sum_M.log()
    return TokenStatistics(
        logprob=(chosen_M1 - top_M1)[:, 0] - log_sum_M,
        entropy=(log_sum_M - mean_M).clamp_min_(0.0),
        variance=variance_M,
        top1=-log_sum_M,
        rank=rank_M,
        top1_id=top1_id_M,
    )


def _first_largest(logits_MV: torch.Tensor) -> torch.Tensor:
    """Return the column of the largest logit of each row, the first of equals, int32[M]."""
    if logits_MV.is_cuda:
        return logits_MV.argmax(1).to(torch.int32)
    # On a CPU numpy's is much faster; the memory is the same.
    return torch.from_numpy(logits_MV.numpy().argmax(1).astype("int32"))
