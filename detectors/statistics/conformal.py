"""Calibration on known non-members: p-values, and a threshold with the band its true false-positive rate lies in.

Valid for any score and any number of non-members, as long as a suspect that is no member is exchangeable with them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError, InputError

__all__ = ["Threshold", "allowed_rank", "as_rate", "p_values", "threshold"]


@dataclass(frozen=True)
class Threshold:
    """A score above which a document counts as evidence, and what is known of how often a non-member exceeds it."""

    alpha: float
    """False-positive rate asked for."""
    non_members: int
    """n0: documents calibrated on."""
    rank: int
    """k = floor(alpha (n0 + 1)): the threshold is the k-th largest calibration score."""
    value: float
    """Evidence: score > value."""
    mean_fpr: float
    """k / (n0 + 1): the false-positive rate over all calibration sets that might have been drawn, at most alpha."""
    fpr_low: float
    fpr_high: float
    """95 % of calibration sets give a threshold whose true false-positive rate lies between these."""


def as_rate(alpha: float) -> Fraction:
    """Return an error rate in (0, 1) as the fraction its decimal notation says.

    Raises
    ------
    ConfigError
        It is not in (0, 1).
    """
    rate = Fraction(str(alpha)) if math.isfinite(alpha) else None
    if rate is None or not 0 < rate < 1:
        raise ConfigError(f"an error rate lies between 0 and 1, and {alpha} does not; write e.g. 0.05")
    return rate


def allowed_rank(non_members: int, alpha: float) -> int:
    """Return k = floor(alpha (n0 + 1)), in exact arithmetic."""
    rate = as_rate(alpha)
    return rate.numerator * (non_members + 1) // rate.denominator


def p_values(
    scores: npt.NDArray[np.float64], calibration: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return p = (1 + #{calibration >= score}) / (n0 + 1) of each score, float64[N], NaN where the score is.

    Parameters
    ----------
    scores : float64[N]
    calibration : float64[n0]
        Scores of known non-members, none undefined.

    Under exchangeability P(p <= u) <= u for every u.

    Source: Vovk, Gammerman and Shafer 2005, Algorithmic Learning in a Random World, section 2.2.
    """
    ordered = np.sort(calibration)
    at_least = len(ordered) - np.searchsorted(ordered, scores, side="left")
    return np.where(np.isnan(scores), np.nan, (1 + at_least) / (len(ordered) + 1))


def threshold(calibration: npt.NDArray[np.float64], alpha: float) -> Threshold:
    """Return the threshold at which a conformal p-value reaches `alpha`, with the 95 % band of its true rate.

    The true false-positive rate follows Beta(k, n0 + 1 - k) over calibration sets where scores have no ties, and is
    smaller where they have.

    Raises
    ------
    InputError
        floor(alpha (n0 + 1)) = 0: no score could ever be called evidence.
    """
    from scipy.stats import beta  # noqa: PLC0415 - loaded where a distribution is needed

    count, rank = len(calibration), allowed_rank(len(calibration), alpha)
    if rank == 0:
        least = -(-as_rate(alpha).denominator // as_rate(alpha).numerator) - 1
        raise InputError(
            f"{count} known non-members cannot calibrate a false-positive rate of {alpha}: floor({alpha} x {count + 1}) = 0, "
            f"so that no score could ever be evidence. Give at least {least} documents, or ask for a higher rate"
        )
    low, high = beta.interval(0.95, rank, count + 1 - rank)
    return Threshold(
        alpha=alpha,
        non_members=count,
        rank=rank,
        value=float(np.sort(calibration)[count - rank]),
        mean_fpr=rank / (count + 1),
        fpr_low=float(low),
        fpr_high=float(high),
    )
