"""Do the suspects as a set score above known non-members? Tests of two samples of documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from datagov.errors import InputError
from detectors.statistics.conformal import as_rate
from detectors.statistics.roc import Auroc, auroc, clopper_pearson

__all__ = [
    "SelfTest",
    "SetTest",
    "by_source",
    "minimum_detectable",
    "permutation_p",
    "rank_sum_p",
    "self_test",
    "set_test",
]

POWER = 0.8
PERMUTATIONS = 9999
SPLITS = 1000
CELLS = 4_000_000
"""Most random numbers held at a time."""


@dataclass(frozen=True)
class SetTest:
    """Suspects against known non-members; one-sided, suspects higher."""

    suspects: int
    non_members: int
    effect: Auroc
    """How often a suspect scores above a non-member: 0.5 is no difference."""
    rank_sum_p: float
    permutation_p: float
    """Of the difference of means."""
    mean_difference: float
    minimum_detectable_auroc: float
    """Smallest AUROC that the rank-sum test finds at `alpha` with a power of 0.8."""
    alpha: float


@dataclass(frozen=True)
class SelfTest:
    """How often the rank-sum test speaks when both sides are known non-members."""

    splits: int
    rejections: int
    rate: float
    low: float
    high: float
    """95 % interval as if splits were independent; they share their documents, so the truth is wider."""
    alpha: float


def set_test(
    suspects: npt.NDArray[np.float64],
    non_members: npt.NDArray[np.float64],
    *,
    alpha: float = 0.05,
    seed: int = 0,
) -> SetTest:
    """Test one set of documents.

    Parameters
    ----------
    suspects, non_members : float64[n1], float64[n0]
        Scores, one a document, none undefined.
    alpha : float
        Level that the minimum detectable effect is stated for.
    seed : int
        Of the permutations.

    Raises
    ------
    InputError
        Either side has fewer than two documents.
    """
    effect = auroc(suspects, non_members, seed=seed)
    return SetTest(
        suspects=len(suspects),
        non_members=len(non_members),
        effect=effect,
        rank_sum_p=rank_sum_p(suspects, non_members),
        permutation_p=permutation_p(suspects, non_members, seed=seed),
        mean_difference=float(suspects.mean() - non_members.mean()),
        minimum_detectable_auroc=minimum_detectable(len(suspects), len(non_members), alpha=alpha),
        alpha=alpha,
    )


def rank_sum_p(suspects: npt.NDArray[np.float64], non_members: npt.NDArray[np.float64]) -> float:
    """Return the one-sided p-value of the Wilcoxon-Mann-Whitney test, exact for small samples without ties."""
    from scipy.stats import mannwhitneyu  # noqa: PLC0415 - loaded where a test is needed

    return float(mannwhitneyu(suspects, non_members, alternative="greater").pvalue)


def permutation_p(
    suspects: npt.NDArray[np.float64],
    non_members: npt.NDArray[np.float64],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> float:
    """Return (1 + permutations with at least the observed sum of suspects) / (permutations + 1).

    Valid at every level, whatever the scores' distribution.
    """
    pooled = np.concatenate([suspects, non_members])
    # Standardised, so that sums of equal values in another order agree within the tolerance.
    pooled = (pooled - pooled.mean()) / (pooled.std() or 1.0)
    observed = pooled[: len(suspects)].sum()
    generator = np.random.default_rng(seed)
    reached, left = 0, permutations
    while left:
        rows = min(left, max(1, CELLS // len(pooled)))
        chosen = np.argpartition(generator.random((rows, len(pooled))), len(suspects) - 1, axis=1)[
            :, : len(suspects)
        ]
        reached += int((pooled[chosen].sum(axis=1) >= observed - 1e-9).sum())
        left -= rows
    return (1 + reached) / (permutations + 1)


def minimum_detectable(
    suspects: int, non_members: int, *, alpha: float = 0.05, power: float = POWER
) -> float:
    """Return the smallest AUROC that a one-sided rank-sum test finds with the given power; above 1 is out of reach.

    Without a difference the AUROC has mean 1/2 and variance (n1 + n0 + 1) / (12 n1 n0); the effect has to exceed
    (z_alpha + z_power) standard deviations. With n on each side this is n = (z_alpha + z_power)^2 / (6 (AUC - 0.5)^2),
    for 5 % and 80 % about 1.03 / (AUC - 0.5)^2.
    """
    from scipy.stats import norm  # noqa: PLC0415 - loaded where a distribution is needed

    deviation = np.sqrt((suspects + non_members + 1) / (12 * suspects * non_members))
    return float(0.5 + (norm.isf(float(as_rate(alpha))) + norm.ppf(power)) * deviation)


def self_test(
    non_members: npt.NDArray[np.float64], *, alpha: float = 0.05, splits: int = SPLITS, seed: int = 0
) -> SelfTest:
    """Split known non-members in two at random, many times, and test one half against the other.

    The rate of rejections must be near `alpha`; where it is not, documents are not the independent units they were
    taken for.

    Raises
    ------
    InputError
        There are fewer than eight documents.
    """
    count = len(non_members)
    if count < 8:
        raise InputError(f"a false-positive self-test needs at least 8 known non-members; there are {count}")
    from scipy.stats import norm, rankdata  # noqa: PLC0415 - loaded where a test is needed

    ranks = rankdata(non_members)
    half = count // 2
    generator = np.random.default_rng(seed)
    sums = np.empty(splits)
    step = max(1, CELLS // count)
    for start in range(0, splits, step):
        drawn = generator.random((min(step, splits - start), count))
        sums[start : start + step] = ranks[np.argsort(drawn, axis=1)[:, :half]].sum(axis=1)
    _, ties = np.unique(non_members, return_counts=True)
    variance = half * (count - half) / 12 * (count + 1 - (ties**3 - ties).sum() / (count * (count - 1)))
    z = (sums - half * (count + 1) / 2 - 0.5) / np.sqrt(variance) if variance > 0 else np.zeros(splits)
    rejections = int((norm.sf(z) <= alpha).sum())
    low, high = clopper_pearson(rejections, splits)
    return SelfTest(splits, rejections, rejections / splits, low, high, alpha)


def by_source(sources: npt.NDArray[Any]) -> dict[str, npt.NDArray[np.int64]]:
    """Return the rows of each source, in order of name; rows without a source are left out."""
    names = sorted({str(name) for name in sources if name is not None})
    return {name: np.flatnonzero(sources == name) for name in names}
