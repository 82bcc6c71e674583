"""The token statistics of a GPU: one kernel that reads each row of logits from memory once.

Done with torch's operations the five numbers take about fifteen passes over the logits, and at a vocabulary of 32k
that costs a tenth of a whole forward pass. Triton comes with the GPU builds of torch; without it, or where it
cannot compile, the plain operations are used.
"""

from __future__ import annotations

from functools import cache
from subprocess import CalledProcessError
from typing import Any

import torch

__all__ = ["fused_statistics"]

BLOCK = 4096
WARPS = 8


def fused_statistics(logits_MV: torch.Tensor, token_M: torch.Tensor) -> tuple[torch.Tensor, ...] | None:
    """Return logprob, entropy, variance, top1 (float32[M]) and rank (int32[M]); None without Triton."""
    kernel = _kernel(logits_MV.device)
    return None if kernel is None else _launch(kernel, logits_MV, token_M)


def _launch(kernel: Any, logits_MV: torch.Tensor, token_M: torch.Tensor) -> tuple[torch.Tensor, ...]:
    rows, vocabulary = logits_MV.shape
    floats_4M = torch.empty((4, rows), dtype=torch.float32, device=logits_MV.device)
    rank_M = torch.empty(rows, dtype=torch.int32, device=logits_MV.device)
    with torch.cuda.device(logits_MV.device):
        kernel[(rows,)](
            logits_MV,
            logits_MV.stride(0),
            token_M,
            floats_4M,
            rank_M,
            rows,
            vocabulary,
            BLOCK=BLOCK,
            num_warps=WARPS,
        )
    return (*floats_4M, rank_M)


@cache
def _kernel(device: torch.device) -> Any:
    """Return the kernel if it is there and compiles for this device, or None."""
    try:
        from detectors.targets.triton_kernel import row_statistics  # noqa: PLC0415 - where there is Triton

        _launch(
            row_statistics,
            torch.zeros((1, 2), device=device),
            torch.zeros(1, dtype=torch.int64, device=device),
        )
    except (ImportError, OSError, RuntimeError, CalledProcessError):
        return None
    return row_statistics
