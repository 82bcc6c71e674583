"""The token statistics of a GPU: one kernel that reads each row of logits from memory once.

Done with torch's operations the six numbers take about fifteen passes over the logits, and at a vocabulary of 32k
that costs a tenth of a whole forward pass. Triton comes with the GPU builds of torch; without it, or where it
cannot compile, the plain operations are used.
"""

from __future__ import annotations

from functools import cache
from subprocess import CalledProcessError
from typing import Any

import torch

__all__ = ["fused_statistics", "launch"]

BLOCK = 4096
WARPS = 8


def fused_statistics(logits_MV: torch.Tensor, token_M: torch.Tensor) -> tuple[torch.Tensor, ...] | None:
    """Return what `launch` returns; None without Triton."""
    kernel = _kernel(logits_MV.device, logits_MV.dtype)
    return None if kernel is None else launch(kernel, logits_MV, token_M)


def launch(kernel: Any, logits_MV: torch.Tensor, token_M: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return logprob, entropy, variance, top1 in the number format of the logits, rank and top1_id (int32), of shape (M,) each.

    Parameters
    ----------
    kernel : triton_kernel.row_statistics
    logits_MV : float32[M, V] or float64[M, V]
        Rows may lie further apart than V; only read.
    token_M : int64[M]
    """
    rows, vocabulary = logits_MV.shape
    floats_4M = torch.empty((4, rows), dtype=logits_MV.dtype, device=logits_MV.device)
    integers_2M = torch.empty((2, rows), dtype=torch.int32, device=logits_MV.device)
    with torch.cuda.device_of(logits_MV):  # type: ignore[no-untyped-call]
        kernel[(rows,)](
            logits_MV,
            logits_MV.stride(0),
            token_M,
            floats_4M,
            integers_2M,
            rows,
            vocabulary,
            BLOCK=BLOCK,
            num_warps=WARPS,
        )
    return (*floats_4M, *integers_2M)


@cache
def _kernel(device: torch.device, dtype: torch.dtype) -> Any:
    """Return the kernel if it is there and compiles for this device and number format, or None."""
    try:
        from detectors.targets.triton_kernel import row_statistics  # noqa: PLC0415 - where there is Triton

        launch(
            row_statistics,
            torch.zeros((1, 2), dtype=dtype, device=device),
            torch.zeros(1, dtype=torch.int64, device=device),
        )
    except (ImportError, OSError, RuntimeError, CalledProcessError):
        return None
    return row_statistics
