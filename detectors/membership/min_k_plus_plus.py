"""Min-K%++: the least probable tokens, each measured against what the model expected there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.membership.method import Explanation, Inputs, Method, Params, Scores, needed
from detectors.membership.rows import AT_LEAST_ONE, lowest_counts, lowest_means, scores
from detectors.ragged import offsets_of
from detectors.trace import TraceBatch

__all__ = ["MIN_K_PLUS_PLUS"]

NAME = "min_k_plus_plus"


def z_scores(trace: TraceBatch) -> npt.NDArray[np.float64]:
    """Return z_i = (l_i - mu_i) / sigma_i, float64[T]; NaN where the variance is 0.

    mu_i = sum_v p(v) ln p(v) is minus the entropy, sigma_i^2 the stored variance.
    """
    entropy = needed(trace.entropy_T, "the entropy of each token", NAME).astype(np.float64)
    variance = needed(trace.variance_T, "the variance of each token", NAME).astype(np.float64)
    sigma = np.sqrt(np.where(variance > 0, variance, np.nan))
    deviations: npt.NDArray[np.float64] = (trace.logprob_T.astype(np.float64) + entropy) / sigma
    return deviations


def _score(inputs: Inputs, params: Params) -> Scores:
    trace = needed(inputs.plain, "a trace", NAME)
    z_T = z_scores(trace)
    present = ~np.isnan(z_T)
    before = np.concatenate(([0], np.cumsum(present)))
    offsets = offsets_of(np.diff(before[trace.offsets]))
    counts = lowest_counts(np.diff(offsets), params["k"], params["short_text"])
    return scores(
        lowest_means(z_T[present], offsets, counts),
        {
            "no_tokens": np.diff(trace.offsets) == 0,
            "no_variance": np.diff(offsets) == 0,
            "too_short": counts == 0,
        },
    )


def _explain(inputs: Inputs, params: Params) -> Explanation:
    del params
    z_T = z_scores(needed(inputs.plain, "a trace", NAME))
    return Explanation(z_T, "log-probability in standard deviations from what the model expected there")


MIN_K_PLUS_PLUS = Method(
    name=NAME,
    needs=frozenset({"plain", "entropy", "variance"}),
    score=_score,
    defaults={"k": 0.2, "short_text": AT_LEAST_ONE},
    passes="1",
    formula="z_i = (l_i - mu_i) / sigma_i with mu_i, sigma_i of ln p(v) under p; mean of the floor(k n) smallest z_i",
    source="Zhang et al. 2024, Min-K%++, section 4",
    null_when=(
        "no token is scored, or none has a variance above 0 (no_variance); tokens without variance are left out and not "
        "counted in n. Where floor(k n) = 0: as min_k"
    ),
    differs=(
        "the variance is the centred sum over the vocabulary, stored with the trace; the released code takes "
        "E[x^2] - mu^2, which turns negative in half precision. The SoK benchmark weighs all vocabulary entries alike, "
        "which is another statistic"
    ),
    explain=_explain,
)
