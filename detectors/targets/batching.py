"""Which windows share a forward pass: rows of like length, under a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["batches"]


def batches(
    lengths_N: npt.NDArray[np.int64], budget_tokens: int, *, packed: bool = False
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the rows of each batch, longest rows first, so that what does not fit shows at once.

    Parameters
    ----------
    lengths_N : int64[N]
        Tokens of each row.
    budget_tokens : int
        Most tokens of a batch, padding included; a single longer row is a batch of its own.
    packed : bool
        Rows are laid end to end: a batch's size is the sum of its rows instead of rows times the longest.

    Notes
    -----
    Every row comes exactly once. The batches depend on the lengths and their order alone.
    """
    order = np.argsort(-lengths_N, kind="stable")
    start = 0
    while start < len(order):
        if packed:
            fitting = int(np.searchsorted(np.cumsum(lengths_N[order[start:]]), budget_tokens, side="right"))
        else:
            fitting = budget_tokens // max(int(lengths_N[order[start]]), 1)
        stop = start + max(fitting, 1)
        yield order[start:stop]
        start = stop
