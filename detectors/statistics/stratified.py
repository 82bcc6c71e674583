"""How well a score parts two sets among documents that are alike without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.statistics.roc import delong, logit_interval

__all__ = ["Residual", "residual_auroc"]

STRATA = 5
FEWEST = 3
"""Documents of either side from which a stratum is compared."""


@dataclass(frozen=True)
class Residual:
    """What a score still tells within strata of the blind check's own score."""

    auroc: float
    low: float
    high: float
    """95 % interval."""
    strata: int
    """Fifths with documents of both sides; the others are not compared."""
    suspects: int
    non_members: int
    """Documents in them."""


def residual_auroc(
    scores: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    blind: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
) -> Residual | None:
    """Return the AUROC within fifths of the blind scores that both sides reach, averaged with the weights n1 n0 / (n1 + n0).

    Near 0.5 where the blind score explains what the method saw. More than that is no evidence: documents of one fifth still
    differ in what the classifier did not find.

    Parameters
    ----------
    scores, blind : pair of float64[n1] and float64[n0]
        Of suspects and of known non-members: the method's score and the held-out blind prediction, none undefined.

    Returns
    -------
    Residual or None
        None where no fifth has three documents of either side: the two sets have nothing in common that could be compared.

    Source: van Elteren 1960, On the combination of independent two sample tests of Wilcoxon (the weights); DeLong, DeLong and
    Clarke-Pearson 1988 (the spread within a stratum).
    """
    # Where only one side is, there is nothing to compare with.
    least, most = (
        max(side.min(initial=np.inf) for side in blind),
        min(side.max(initial=-np.inf) for side in blind),
    )
    common = tuple((side >= least) & (side <= most) for side in blind)
    if min(side.sum() for side in common) < FEWEST:
        return None
    scores = (scores[0][common[0]], scores[1][common[1]])
    blind = (blind[0][common[0]], blind[1][common[1]])
    cuts = np.quantile(np.concatenate(blind), np.arange(1, STRATA) / STRATA)
    place = tuple(np.searchsorted(cuts, side, side="right") for side in blind)
    values, variances, weights, counts = [], [], [], []
    for stratum in range(STRATA):
        mine, theirs = (side[at == stratum] for side, at in zip(scores, place, strict=True))
        n1, n0 = len(mine), len(theirs)
        if min(n1, n0) < FEWEST:
            continue
        value, spread = delong(mine, theirs)
        # Parted without overlap, a few documents seem to have no spread at all; that of equal sets is then assumed.
        values.append(value)
        variances.append(spread**2 or (n1 + n0 + 1) / (12 * n1 * n0))
        weights.append(n1 * n0 / (n1 + n0))
        counts.append((n1, n0))
    if not values:
        return None
    share = np.array(weights) / np.sum(weights)
    mean, error = float(share @ values), float(np.sqrt(share**2 @ variances))
    low, high = (
        logit_interval(mean, error)
        if 0 < mean < 1
        else (max(mean - 1.96 * error, 0.0), min(mean + 1.96 * error, 1.0))
    )
    n1, n0 = (int(side) for side in np.sum(counts, axis=0))
    return Residual(mean, low, high, len(values), n1, n0)
