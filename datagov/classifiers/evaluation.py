"""What held-out documents say of a classifier: precision and recall by label, and what each threshold would do."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["THRESHOLDS", "best_threshold", "report", "report_of_two"]

THRESHOLDS: Final = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Of the table on a card."""
BINS: Final = 10


def report(label: npt.NDArray[np.int64], chosen: npt.NDArray[np.int64], labels: list[str]) -> dict[str, Any]:
    """Return how well labels are told apart.

    Parameters
    ----------
    label, chosen : int64[N]
        True and predicted, as indices into `labels`.
    labels : list of str

    Returns
    -------
    dict
        `documents`, `accuracy`, `macro_f1`, and `by_label`: precision, recall, f1 and documents of each. A precision of
        no prediction, and a recall of no document, is None; F1 is 0 where nothing is right.
    """
    by_label = {}
    for at, name in enumerate(labels):
        right = int(((label == at) & (chosen == at)).sum())
        predicted, present = int((chosen == at).sum()), int((label == at).sum())
        by_label[name] = {
            "precision": right / predicted if predicted else None,
            "recall": right / present if present else None,
            "f1": 2 * right / (predicted + present) if predicted + present else 0.0,
            "documents": present,
        }
    return {
        "documents": len(label),
        "accuracy": float((label == chosen).mean()),
        "macro_f1": float(np.mean([each["f1"] for each in by_label.values()])),
        "by_label": by_label,
    }


def report_of_two(
    label: npt.NDArray[np.int64],
    score: npt.NDArray[np.float64],
    threshold: npt.NDArray[np.float64],
    labels: list[str],
    *,
    positive: int,
) -> dict[str, Any]:
    """Return how well two labels are told apart: `report`, and what is said of the score itself.

    Parameters
    ----------
    label : int64[N]
        Indices into `labels`.
    score : float64[N]
        Probability of the positive label.
    threshold : float64[N]
        From which score on a document counts as positive.
    labels : list of str
    positive : int
        Index of the positive label.

    Returns
    -------
    dict
        Besides, `auroc` (None of one label), `brier`, `expected_error`, and `thresholds`, see `threshold_table`.
    """
    true = label == positive
    chosen = np.where(score >= threshold, positive, 1 - positive)
    return {
        **report(label, chosen, labels),
        "auroc": auroc(true, score),
        **calibration_error(true, score),
        "thresholds": threshold_table(true, score),
    }


def auroc(positive: npt.NDArray[np.bool_], score: npt.NDArray[np.float64]) -> float | None:
    """Return how often a positive document scores above another, ties counting half; None if all have one label."""
    count = int(positive.sum())
    others = len(positive) - count
    if not count or not others:
        return None
    _, place, equal = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(equal) - (equal - 1) / 2
    return float((rank[place[positive]].sum() - count * (count + 1) / 2) / (count * others))


def threshold_table(
    positive: npt.NDArray[np.bool_],
    score: npt.NDArray[np.float64],
    thresholds: tuple[float, ...] = THRESHOLDS,
) -> list[dict[str, Any]]:
    """Return what `score >= threshold` would do with held-out documents, for each threshold.

    Each row: `threshold`; `flagged`, the share of all documents at or above it; `precision` (None where it flags
    none), `recall`, and `false_positive_rate`, the share of the other documents that it flags; None of no document.
    """
    inside, outside = int(positive.sum()), int((~positive).sum())
    rows = []
    for threshold in thresholds:
        flagged = score >= threshold
        hits, count = int((flagged & positive).sum()), int(flagged.sum())
        rows.append(
            {
                "threshold": threshold,
                "flagged": count / len(score),
                "precision": hits / count if count else None,
                "recall": hits / inside if inside else None,
                "false_positive_rate": (count - hits) / outside if outside else None,
            }
        )
    return rows


def best_threshold(positive: npt.NDArray[np.bool_], score: npt.NDArray[np.float64]) -> float:
    """Return the whole hundredth from 0.01 to 0.99 at which macro-F1 is highest; of several the one nearest to 0.5."""
    label = positive.astype(np.int64)
    tried = [at / 100 for at in range(1, 100)]
    found = {at: report(label, (score >= at).astype(np.int64), ["no", "yes"])["macro_f1"] for at in tried}
    return max(tried, key=lambda at: (found[at], -abs(at - 0.5)))


def calibration_error(positive: npt.NDArray[np.bool_], score: npt.NDArray[np.float64]) -> dict[str, float]:
    """Return how far scores are from frequencies: `brier`, and `expected_error` over ten bins of equal width.

    Source
    ------
    Brier 1950; expected calibration error as in Guo et al. 2017, arXiv 1706.04599, of the positive label's score.
    """
    place = np.minimum((score * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    gaps = np.abs(np.bincount(place, score - positive, BINS))
    return {
        "brier": float(np.mean((score - positive) ** 2)),
        "expected_error": float(gaps.sum() / counts.sum()),
    }
