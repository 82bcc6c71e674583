"""Which windows share a forward pass: rows of like length, under a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["batches"]

ATTENDED = 16
"""Tokens that rows behind a context attend to at a time, each its own copy of it, as multiples of a batch's tokens."""


def batches(
    lengths_N: npt.NDArray[np.int64], budget_tokens: int, *, packed: bool = False, behind: int = 0
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
    behind : int
        Tokens before every row, which are no part of it and are attended to.

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
            longest = max(int(lengths_N[order[start]]), 1)
            fitting = budget_tokens // longest
            if behind:
                fitting = min(fitting, ATTENDED * budget_tokens // (behind + longest))
        stop = start + max(fitting, 1)
        yield order[start:stop]
        start = stop
