"""How well scores part members from non-members: AUROC, TPR at a fixed FPR, predictive value; with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from datagov.errors import InputError
from detectors.statistics.conformal import as_rate

__all__ = [
    "Auroc",
    "Operating",
    "auroc",
    "clopper_pearson",
    "curve",
    "delong",
    "logit_interval",
    "operating_point",
    "placements",
    "predictive_value",
]

Z95 = 1.959963984540054
RESAMPLES = 2000
CELLS = 4_000_000
"""Most weights held at a time."""


@dataclass(frozen=True)
class Auroc:
    """Area under the ROC curve: how often a member scores above a non-member, ties counting half."""

    value: float
    low: float
    high: float
    """95 % interval."""
    method: str
    """`delong`, `cluster_bootstrap`, or `newcombe` where the scores are parted without overlap."""
    members: int
    non_members: int


@dataclass(frozen=True)
class Operating:
    """One point of the ROC curve: the largest observed false-positive rate not above the one asked for."""

    asked_fpr: float
    false_positives: int
    fpr: float
    fpr_low: float
    fpr_high: float
    true_positives: int
    tpr: float
    tpr_low: float
    tpr_high: float


def placements(
    members: npt.NDArray[np.float64], non_members: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return where each document stands among the other kind.

    Returns
    -------
    float64[n1]
        Share of non-members below each member, ties counting half; its mean is the AUROC.
    float64[n0]
        Share of members above each non-member, ties counting half; the same mean.
    """
    low, high = np.sort(non_members), np.sort(members)
    above = (np.searchsorted(low, members, "left") + np.searchsorted(low, members, "right")) / (2 * len(low))
    below = (np.searchsorted(high, non_members, "left") + np.searchsorted(high, non_members, "right")) / (
        2 * len(high)
    )
    return above, 1 - below


def auroc(
    members: npt.NDArray[np.float64],
    non_members: npt.NDArray[np.float64],
    *,
    clusters: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None,
    seed: int = 0,
) -> Auroc:
    """Return the AUROC with a 95 % interval.

    Parameters
    ----------
    members, non_members : float64[n1], float64[n0]
        Scores, none undefined.
    clusters : pair of arrays of shapes (n1,) and (n0,), optional
        What documents belong together (a book, a site); then clusters are resampled instead of documents.
    seed : int
        Of the resampling.

    Raises
    ------
    InputError
        Either side has fewer than two documents.

    Source: DeLong, DeLong and Clarke-Pearson 1988, on the logit scale; Newcombe 2006, Confidence intervals for an effect
    size measure based on the Mann-Whitney statistic, part 2, method 5.
    """
    n1, n0 = len(members), len(non_members)
    if min(n1, n0) < 2:
        raise InputError(
            f"an AUROC needs at least two members and two non-members with scores; there are {n1} and {n0}"
        )
    value, spread = delong(members, non_members)
    if clusters is not None and any(len(np.unique(side)) < len(side) for side in clusters):
        low, high = _cluster_bootstrap(members, non_members, clusters, seed)
        if low < high:
            return Auroc(value, low, high, "cluster_bootstrap", n1, n0)
        n1, n0 = (len(np.unique(side)) for side in clusters)
    elif 0 < value < 1 and spread > 0:
        low, high = logit_interval(value, spread)
        return Auroc(value, low, high, "delong", n1, n0)
    low, high = _newcombe(value, n1, n0)
    return Auroc(value, low, high, "newcombe", len(members), len(non_members))


def delong(members: npt.NDArray[np.float64], non_members: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the AUROC and its standard error."""
    above, below = placements(members, non_members)
    spread = np.sqrt(above.var(ddof=1) / len(members) + below.var(ddof=1) / len(non_members))
    return float(above.mean()), float(spread)


def logit_interval(value: float, spread: float) -> tuple[float, float]:
    """Return the 95 % interval of a share in (0, 1) with standard error `spread`, normal on the logit scale."""
    logit, step = np.log(value / (1 - value)), Z95 * spread / (value * (1 - value))
    return float(1 / (1 + np.exp(step - logit))), float(1 / (1 + np.exp(-step - logit)))


def operating_point(
    members: npt.NDArray[np.float64], non_members: npt.NDArray[np.float64], fpr: float
) -> Operating | None:
    """Return the point with the largest observed false-positive rate not above `fpr`, with Clopper-Pearson intervals.

    None where there are fewer than 1 / fpr non-members, which cannot show such a rate.
    """
    rate, n1, n0 = as_rate(fpr), len(members), len(non_members)
    allowed = rate.numerator * n0 // rate.denominator
    if allowed == 0:
        return None
    # Above the (allowed + 1)-th largest lie at most `allowed`, fewer where scores are tied.
    edge = np.sort(non_members)[n0 - allowed - 1] if allowed < n0 else -np.inf
    false, true = int((non_members > edge).sum()), int((members > edge).sum())
    fpr_low, fpr_high = clopper_pearson(false, n0)
    tpr_low, tpr_high = clopper_pearson(true, n1)
    return Operating(fpr, false, false / n0, fpr_low, fpr_high, true, true / n1, tpr_low, tpr_high)


def clopper_pearson(successes: int, trials: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a proportion."""
    from scipy.stats import beta  # noqa: PLC0415 - loaded where a distribution is needed

    low = float(beta.ppf(0.025, successes, trials - successes + 1)) if successes > 0 else 0.0
    high = float(beta.ppf(0.975, successes + 1, trials - successes)) if successes < trials else 1.0
    return low, high


def predictive_value(tpr: float, fpr: float, prior: float) -> float | None:
    """Return the share of true members among what is called one, given the share `prior` of members; None if nothing is."""
    called = tpr * prior + fpr * (1 - prior)
    return tpr * prior / called if called > 0 else None


def curve(
    members: npt.NDArray[np.float64], non_members: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the ROC curve as (fpr, tpr), from (0, 0) to (1, 1), a point for each different score."""
    edges = np.unique(np.concatenate([members, non_members]))[::-1]
    rates = [
        (len(side) - np.searchsorted(np.sort(side), edges, "left")) / len(side)
        for side in (non_members, members)
    ]
    fpr, tpr = (np.concatenate(([0.0], rate)) for rate in rates)
    return fpr, tpr


def _cluster_bootstrap(
    members: npt.NDArray[np.float64],
    non_members: npt.NDArray[np.float64],
    clusters: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    seed: int,
) -> tuple[float, float]:
    """Return the 2.5 % and 97.5 % quantiles of the AUROC over resampled clusters."""
    # One value's weight is how often its cluster was drawn; the AUROC is a sum over pairs of weights.
    values, place = np.unique(np.concatenate([members, non_members]), return_inverse=True)
    places = np.split(place, [len(members)])
    whiches = [np.unique(side, return_inverse=True)[1] for side in clusters]
    generators = np.random.default_rng(seed).spawn(2)
    found = np.empty(RESAMPLES)
    step = max(1, CELLS // len(place))
    for start in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - start)
        up, down = (
            _weights(at, which, rows, len(values), generator)
            for at, which, generator in zip(places, whiches, generators, strict=True)
        )
        found[start : start + rows] = (up * (np.cumsum(down, axis=1) - down / 2)).sum(axis=1)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def _weights(
    place: npt.NDArray[np.int64],
    which: npt.NDArray[np.int64],
    rows: int,
    values: int,
    generator: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Return the share of each of `values` different scores in `rows` resamples of clusters.

    Document i has the score `place[i]` and belongs to cluster `which[i]`.
    """
    count = int(which.max()) + 1
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=rows)
    weights = np.stack([np.bincount(place, weights=times[which], minlength=values) for times in drawn])
    shares: npt.NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _newcombe(value: float, n1: int, n0: int) -> tuple[float, float]:
    """Return the interval of all AUROCs that `value` would not be unusual for; sound at 0 and 1."""
    from scipy.optimize import brentq  # noqa: PLC0415 - loaded where a root is needed

    pairs = (n1 + n0) / 2 - 1

    def distance(theta: float) -> float:
        shape = 1 + pairs * (1 - theta) / (2 - theta) + pairs * theta / (1 + theta)
        return (theta - value) ** 2 - Z95**2 * theta * (1 - theta) * shape / (n1 * n0)

    tiny = 1e-12
    low = 0.0 if value <= tiny else float(brentq(distance, tiny, value - tiny if value == 1 else value))
    high = (
        1.0 if value >= 1 - tiny else float(brentq(distance, value + tiny if value == 0 else value, 1 - tiny))
    )
    return low, high
