"""Limits that are quantiles of the values at hand, taken exactly.

The q-quantile of n values is the smallest of them that at least q n of them do not exceed: one of the
values itself, whatever order they come in. It is found from distinct values and how often each occurs,
so that parts are counted apart and added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError, did_you_mean

__all__ = ["STRATA", "Quantile", "quantile_between", "quantile_from", "quantile_of"]

STRATA = ("source",)
"""Columns of the documents table by which a quantile can be taken apart."""

DECIMALS = 6
"""Most decimals of a quantile: with them ranks are whole numbers of 64 bits."""


@dataclass(frozen=True)
class Quantile:
    """A limit that a run finds out: the quantile of the values that its step sees.

    Raises
    ------
    ConfigError
        The quantile is not between 0 and 1, or is taken by something unknown.
    """

    quantile: float
    by: str | None = None
    """One of `STRATA`: each of its values has a limit of its own; None for one limit."""

    def __post_init__(self) -> None:
        given = self.quantile
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < 1:
            raise ConfigError(f"quantile is {given!r}, but must be a number between 0 and 1.")
        if round(given, DECIMALS) != given:
            raise ConfigError(f"quantile is {given!r}, but has at most {DECIMALS} decimals.")
        if self.by is not None and self.by not in STRATA:
            raise ConfigError(f"by is {self.by!r}. {did_you_mean(str(self.by), STRATA)}")

    @property
    def ratio(self) -> tuple[int, int]:
        """The quantile as numerator and denominator."""
        exact = Fraction(str(self.quantile))
        return exact.numerator, exact.denominator

    def __str__(self) -> str:
        return f"quantile {self.quantile:g}" + (f" by {self.by}" if self.by is not None else "")

    def as_dict(self) -> dict[str, Any]:
        """Return it as a recipe writes it."""
        return {"quantile": self.quantile, "by": self.by}


def quantile_from(mapping: Mapping[str, Any]) -> Quantile:
    """Return the quantile that a recipe wrote as `{quantile: 0.05, by: source}`."""
    for key in mapping:
        if key not in ("quantile", "by"):
            raise ConfigError(f"a quantile has no key {key!r}. {did_you_mean(str(key), ('quantile', 'by'))}")
    if "quantile" not in mapping:
        raise ConfigError("a limit that is a mapping needs the key 'quantile'.")
    return Quantile(**mapping)


def quantile_of(
    values: npt.NDArray[np.float64], counts: npt.NDArray[np.int64], quantile: Quantile
) -> float | None:
    """Return the quantile of some values, None of none.

    Parameters
    ----------
    values : float64[V]
        Distinct, increasing.
    counts : int64[V]
        How often each occurs.
    quantile : Quantile
    """
    reached = np.cumsum(counts)
    if not len(values) or not reached[-1]:
        return None
    top, bottom = quantile.ratio
    rank = -(-top * int(reached[-1]) // bottom)
    return float(values[np.searchsorted(reached, rank)])


def quantile_between(
    sure: npt.NDArray[np.float64], unsure: npt.NDArray[np.float64], quantile: Quantile
) -> tuple[float | None, float | None]:
    """Return the least and the greatest quantile of values of which some may be missing.

    Parameters
    ----------
    sure : float64[A]
        Values that are surely there.
    unsure : float64[B]
        Values of which any may be there.
    quantile : Quantile

    Returns
    -------
    (float or None, float or None)
        No choice among `unsure` gives a quantile outside; both are reached by some choice. None, None
        where there is no value at all; without sure ones, a choice of none has no quantile, and sets no limit.
    """
    values, which = np.unique(np.concatenate([sure, unsure]), return_inverse=True)
    if not len(values):
        return None, None
    certain = np.bincount(which[: len(sure)], minlength=len(values))
    possible = np.bincount(which[len(sure) :], minlength=len(values))
    top, bottom = quantile.ratio
    below, above = np.cumsum(certain), len(sure) - np.cumsum(certain)
    # v is at or above the quantile iff (bottom - top) x (values up to v) >= top x (values over v).
    at_best = (bottom - top) * (below + np.cumsum(possible)) >= top * above
    at_worst = (bottom - top) * below >= top * (above + len(unsure) - np.cumsum(possible))
    at_best &= below + np.cumsum(possible) > 0
    lowest = float(values[np.argmax(at_best)])
    if not len(sure):
        return lowest, float(values[-1])
    return lowest, float(values[np.argmax(at_worst)])
