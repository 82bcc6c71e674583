"""Which of many keyed things say what another one says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Repeats", "repeats"]


@dataclass(frozen=True, eq=False)
class Repeats:
    """R of the things, as indices, in order: those that go."""

    removed: npt.NDArray[np.int64]
    keeper: npt.NDArray[np.int64]
    """The one that stays for each; -1 where none does."""
    copies: npt.NDArray[np.int64]
    """How often each stands there, those that stay included."""


def repeats(
    high: npt.NDArray[np.uint64],
    low: npt.NDArray[np.uint64],
    bucket: npt.NDArray[np.int64] | None = None,
    *,
    min_count: int = 2,
    keep_first: bool = True,
) -> Repeats:
    """Tell which things go, because there are `min_count` or more with the same key.

    Parameters
    ----------
    high, low : uint64[N]
        The halves of their keys. The things are given in the order in which the first stays.
    bucket : int64[N] or None
        Things of different buckets are different.
    min_count : int
        At least 2.
    keep_first : bool
        Whether the first of them stays.
    """
    count = len(high)
    keys = (low, high) if bucket is None else (bucket, low, high)
    order = np.lexsort(keys)  # stable: what comes first stays first
    fresh = np.ones(count, bool)
    if count:
        fresh[1:] = np.logical_or.reduce([key[order[1:]] != key[order[:-1]] for key in keys])
    starts = np.flatnonzero(fresh)
    sizes = np.diff(np.append(starts, count))
    goes = np.repeat(sizes >= min_count, sizes)
    if keep_first:
        goes &= ~fresh
    firsts = np.repeat(order[starts], sizes) if keep_first else np.full(count, -1, np.int64)
    removed = order[goes]
    in_order = np.argsort(removed, kind="stable")
    return Repeats(removed[in_order], firsts[goes][in_order], np.repeat(sizes, sizes)[goes][in_order])
