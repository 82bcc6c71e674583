"""The blind check: telling suspects from known non-members without asking any model.

If they can, by words, dates or length, then a membership score can be told apart by the same, and says nothing. A ridge
classifier over TF-IDF of words and characters, years, length and compressibility is cross-validated; its AUROC gets
an interval, and a p-value from permuted labels, each permutation cross-validated in the same folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from datagov.errors import InputError
from detectors.statistics.roc import Z95, auroc, delong, logit_interval

__all__ = ["EQUIVALENT_BELOW", "FEWEST", "BlindCheck", "Outcome", "blind_check"]

Outcome: TypeAlias = Literal["separated", "equivalent", "undecided"]
FOLDS = 5
FEWEST = 20
PERMUTATIONS = 499
LEVEL = 0.05
EQUIVALENT_BELOW = 0.6
RIDGE = 1.0


@dataclass(frozen=True)
class BlindCheck:
    """What a classifier that sees no model makes of the two sets."""

    outcome: Outcome
    """`separated`: told apart, p <= 0.05 and the interval above 0.5; else `equivalent`: the upper bound is below 0.6;
    else `undecided`: too few documents to say."""
    auroc: float
    low: float
    high: float
    """95 % interval: DeLong's, widened as the spread under permuted labels is wider than independence would make it."""
    p_value: float
    permutations: int
    suspects: int
    non_members: int
    predictions: npt.NDArray[np.float64]
    """float64[n1 + n0]: held-out predictions, suspects first, in standard deviations of their fold; higher = suspect."""


def blind_check(
    kernel: npt.NDArray[np.float64],
    suspects: npt.NDArray[np.bool_],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> BlindCheck:
    """Cross-validate the classifier.

    Parameters
    ----------
    kernel : float64[N, N]
        Similarity of documents, one a row (near-duplicates left out); see `blind_features.similarity`.
    suspects : bool[N]
        Which documents are suspects; the others are known non-members.
    permutations : int
        Of the labels; all are fitted at once.
    seed : int
        Of folds and permutations.

    Raises
    ------
    InputError
        A side has fewer than 20 documents.

    Source: the need for it: Duan et al. 2024; Das et al. 2024, Blind Baselines Beat Membership Inference Attacks.
    """
    count, n1 = len(suspects), int(suspects.sum())
    if min(n1, count - n1) < FEWEST:
        raise InputError(
            f"the blind check is cross-validated and needs at least {FEWEST} documents of each kind; there are {n1} "
            f"suspects and {count - n1} known non-members"
        )
    generator = np.random.default_rng(seed)
    fold = generator.permutation(np.arange(count) % FOLDS)
    labels = np.empty((count, permutations + 1))
    labels[:, 0] = suspects
    for column in range(1, permutations + 1):
        labels[:, column] = generator.permutation(labels[:, 0])
    predicted = _held_out(kernel, labels, fold)
    areas = _areas(predicted, labels)
    p_value = (1 + int((areas[1:] >= areas[0] - 1e-12).sum())) / (permutations + 1)
    own = predicted[:, 0]
    value, low, high = _interval(own[suspects], own[~suspects], float(areas[1:].std()))
    separated = p_value <= LEVEL and low > 0.5
    outcome: Outcome = "separated" if separated else "equivalent" if high < EQUIVALENT_BELOW else "undecided"
    return BlindCheck(
        outcome=outcome,
        auroc=value,
        low=low,
        high=high,
        p_value=p_value,
        permutations=permutations,
        suspects=n1,
        non_members=count - n1,
        predictions=np.concatenate([own[suspects], own[~suspects]]),
    )


def _interval(
    suspects: npt.NDArray[np.float64], others: npt.NDArray[np.float64], permuted_spread: float
) -> tuple[float, float, float]:
    """Return the AUROC of held-out predictions and its interval.

    Predictions share their training documents; permuted labels show by how much that widens the spread.
    """
    plain = auroc(suspects, others)
    value, spread = delong(suspects, others)
    low, high = plain.low, plain.high
    if 0 < value < 1:
        count = len(suspects) + len(others)
        independent = np.sqrt((count + 1) / (12 * len(suspects) * len(others)))
        low, high = logit_interval(value, spread * max(1.0, permuted_spread / independent))
    # No classifier is truly worse than chance: the upper bound is at least that of one half.
    return value, low, max(high, 0.5 + Z95 * permuted_spread)


def _held_out(
    kernel: npt.NDArray[np.float64], labels: npt.NDArray[np.float64], fold: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return kernel ridge predictions of each column of labels, each fold from the others, standardised in the fold."""
    from scipy.linalg import cho_factor, cho_solve  # noqa: PLC0415 - loaded where a fit is needed

    predicted = np.empty_like(labels)
    for held in range(FOLDS):
        test, train = fold == held, fold != held
        inner = kernel[np.ix_(train, train)].copy()
        inner[np.diag_indices_from(inner)] += RIDGE
        centred = labels[train] - labels[train].mean(axis=0)
        raw = kernel[np.ix_(test, train)] @ cho_solve(cho_factor(inner, lower=True), centred)
        # A fold's level depends on how many suspects its training part happens to hold.
        spread = raw.std(axis=0)
        predicted[test] = (raw - raw.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return predicted


def _areas(predicted: npt.NDArray[np.float64], labels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the AUROC of each column."""
    from scipy.stats import rankdata  # noqa: PLC0415 - loaded where ranks are needed

    n1 = labels[:, 0].sum()
    ranks = rankdata(predicted, axis=0)
    areas: npt.NDArray[np.float64] = ((ranks * labels).sum(axis=0) - n1 * (n1 + 1) / 2) / (
        n1 * (len(labels) - n1)
    )
    return areas
