"""Rows of token statistics reduced to one number each, and the reason where there is none.

Sums run in a fixed order over float64, so that a row's number depends on nothing but its own tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError
from datagov.text.kernel import kernel
from detectors.membership.method import Scores

__all__ = ["AT_LEAST_ONE", "SHORT_TEXT", "as_share", "lowest_counts", "lowest_means", "row_means", "scores"]

AT_LEAST_ONE: Final = "at_least_one"
SHORT_TEXT: Final = (AT_LEAST_ONE, "undefined")
"""What the lowest k of n tokens are where floor(k n) = 0: one token, or none and the score is undefined."""


def as_share(value: Any, name: str) -> Fraction:
    """Return a share in (0, 1] as the fraction its decimal notation says: 0.29 of 100 tokens are 29, not 28.

    Raises
    ------
    ConfigError
        It is not a number in (0, 1].
    """
    try:
        share = Fraction(str(value))
    except ValueError:
        raise ConfigError(f"{name}={value!r} is not a number; write a share such as 0.2") from None
    if not 0 < share <= 1 or share.denominator > 10**9:
        raise ConfigError(
            f"{name}={value} is not a share: it lies above 0, at most at 1, with at most nine decimals"
        )
    return share


def lowest_counts(
    lengths: npt.NDArray[np.int64], k: Any, short_text: str, *, name: str = "k"
) -> npt.NDArray[np.int64]:
    """Return floor(k n) of each row, int64[N], or what `short_text` says where that is 0; `name` is what k is called.

    Raises
    ------
    ConfigError
        `k` is no share, or `short_text` none of `SHORT_TEXT`.
    """
    if short_text not in SHORT_TEXT:
        raise ConfigError(f"short_text={short_text!r} is neither of {', '.join(SHORT_TEXT)}")
    share = as_share(k, name)
    counts = lengths * share.numerator // share.denominator
    return np.minimum(np.maximum(counts, 1), lengths) if short_text == AT_LEAST_ONE else counts


def row_means(values_T: npt.NDArray[Any], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the mean of each row, float64[N]; NaN for a row without tokens."""
    out = np.empty(len(offsets) - 1)
    _means(values_T, offsets, out)
    return out


def lowest_means(
    values_T: npt.NDArray[Any], offsets: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the mean of the `counts[r]` smallest values of each row r, float64[N]; NaN where that is 0 or a value is NaN."""
    out = np.empty(len(offsets) - 1)
    _lowest(values_T, offsets, counts, out)
    return out


def scores(
    values: npt.NDArray[np.float64],
    undefined: Mapping[str, npt.NDArray[np.bool_]],
    details: Mapping[str, npt.NDArray[np.float64]] | None = None,
) -> Scores:
    """Return scores with a reason for every row that has none.

    Parameters
    ----------
    values : float64[N]
        What the formula gave.
    undefined : mapping from a reason to bool[N]
        Rows without a score; the first reason that fits is kept. A row that fits none and is still not finite
        comes from a trace that is not (an endpoint's -inf), and gets the reason `not_finite`.
    details : mapping to float64[N], optional
        Further readings; emptied where the score is.
    """
    reasons: list[str | None] = [None] * len(values)
    everything = {**undefined, "not_finite": ~np.isfinite(values)}
    for reason, rows in everything.items():
        for row in np.flatnonzero(rows):
            reasons[row] = reasons[row] or reason
    missing = np.array([reason is not None for reason in reasons], dtype=bool)
    # + 0.0: a mean of zeros is 0, never -0.
    return Scores(
        np.where(missing, np.nan, values + 0.0),
        reasons,
        {name: np.where(missing, np.nan, readings) for name, readings in (details or {}).items()},
    )


@kernel
def _means(values_T: np.ndarray, offsets: np.ndarray, out: np.ndarray) -> None:
    for row in range(len(out)):
        total = 0.0
        for i in range(offsets[row], offsets[row + 1]):
            total += np.float64(values_T[i])
        tokens = offsets[row + 1] - offsets[row]
        out[row] = total / tokens if tokens else np.nan


@kernel
def _lowest(values_T: np.ndarray, offsets: np.ndarray, counts: np.ndarray, out: np.ndarray) -> None:
    longest = 0
    for row in range(len(out)):
        longest = max(longest, offsets[row + 1] - offsets[row])
    below, above = np.empty(longest, values_T.dtype), np.empty(longest, values_T.dtype)
    for row in range(len(out)):
        left, wanted, total = offsets[row + 1] - offsets[row], counts[row], 0.0
        below[:left] = values_T[offsets[row] : offsets[row + 1]]
        if wanted == 0 or np.isnan(below[:left]).any():
            out[row] = np.nan
            continue
        # Values are split at a pivot until as many as are wanted lie below it. Every value is written to both sides and
        # one of the two moves on: half of all branches would be guessed wrong, which costs four times as much.
        while wanted:
            first, middle, last = below[0], below[left // 2], below[left - 1]
            pivot = max(min(first, middle), min(max(first, middle), last))
            lower, higher = 0, 0
            for i in range(left):
                value = below[i]
                below[lower] = value
                above[higher] = value
                lower += value < pivot
                higher += value > pivot
            if wanted < lower:
                left = lower
                continue
            for i in range(lower):
                total += np.float64(below[i])
            equal = min(left - lower - higher, wanted - lower)
            if equal:
                total += equal * np.float64(pivot)
            wanted -= lower + equal
            left = higher
            below, above = above, below
        out[row] = total / counts[row]
