"""Error control over many splits: the realised rate of false evidence, and the law of its counts."""

from __future__ import annotations

import numpy as np
from scipy.stats import betabinom, chisquare

from detectors.statistics.conformal import allowed_rank, threshold

SPLITS = 1000
ALPHA = 0.05
TESTED = 20
CONTROL_HEAD = (
    "| text | seed | n0 | stated rate | realised rate | p of the law |",
    "|---|---|---|---|---|---|",
)


def control_row(name: str, seed: int, scores: np.ndarray) -> str:
    """Return the line of one pool of scores, none of a member."""
    generator = np.random.default_rng(seed)
    n0 = len(scores) // 2
    counts = []
    for _ in range(SPLITS):
        order = generator.permutation(len(scores))
        known, rest = scores[order[:n0]], scores[order[n0 : n0 + TESTED]]
        counts.append(int((rest > threshold(known, ALPHA).value).sum()))
    k = allowed_rank(n0, ALPHA)
    law = betabinom(TESTED, k, n0 + 1 - k)
    observed = np.bincount(np.minimum(counts, 4), minlength=5)
    expected = np.append(law.pmf(np.arange(4)), law.sf(3)) * SPLITS
    realised, error = np.mean(counts) / TESTED, np.std(counts) / TESTED / np.sqrt(SPLITS)
    fit = chisquare(observed, expected).pvalue
    return (
        f"| {name} | {seed} | {n0} | {k / (n0 + 1):.4f} | {realised:.4f} ± {1.96 * error:.4f} | {fit:.2f} |"
    )
