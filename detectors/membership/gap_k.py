"""Gap-K%: how far each token falls short of the model's first choice."""

from __future__ import annotations

import numpy as np

from datagov.errors import ConfigError
from datagov.text.kernel import kernel
from detectors.membership.method import Explanation, Inputs, Method, Params, Scores, needed
from detectors.membership.rows import AT_LEAST_ONE, lowest_counts, lowest_means, scores
from detectors.ragged import offsets_of
from detectors.trace import TraceBatch

__all__ = ["GAP_K"]


def gaps(trace: TraceBatch, params: Params) -> np.ndarray:
    """Return d_i = (l_i - max_v l_i(v)) / sigma_i, float64[T], with sigma_i^2 at least `variance_floor`."""
    top1_T = needed(trace.top1_T, "the largest log-probability of each position", "gap_k")
    variance_T = needed(trace.variance_T, "the variance of each token", "gap_k")
    floor = params["variance_floor"]
    if isinstance(floor, bool) or not isinstance(floor, int | float) or not 0 < floor < np.inf:
        raise ConfigError(f"variance_floor={floor!r} of gap_k is the least variance, a number above 0")
    sigma = np.sqrt(np.maximum(variance_T.astype(np.float64), floor))
    deviations: np.ndarray = (trace.logprob_T.astype(np.float64) - top1_T) / sigma
    return deviations


def _score(inputs: Inputs, params: Params) -> Scores:
    trace = needed(inputs.plain, "a trace", "gap_k")
    w = params["w"]
    if isinstance(w, bool) or not isinstance(w, int) or w < 1:
        raise ConfigError(f"w={w!r} of gap_k is a number of tokens from 1 up")
    lengths = np.diff(trace.offsets)
    smooth_offsets = offsets_of(np.where(lengths > 0, np.maximum(lengths - w + 1, 1), 0))
    smooth = np.empty(int(smooth_offsets[-1]))
    _moving_means(gaps(trace, params), trace.offsets, w, smooth_offsets, smooth)
    counts = lowest_counts(np.diff(smooth_offsets), params["k"], params["short_text"])
    return scores(
        lowest_means(smooth, smooth_offsets, counts), {"no_tokens": lengths == 0, "too_short": counts == 0}
    )


def _explain(inputs: Inputs, params: Params) -> Explanation:
    values = gaps(needed(inputs.plain, "a trace", "gap_k"), params)
    return Explanation(values, "distance from the model's first choice, in standard deviations")


@kernel
def _moving_means(
    gap_T: np.ndarray, offsets: np.ndarray, w: int, smooth_offsets: np.ndarray, smooth: np.ndarray
) -> None:
    for row in range(len(offsets) - 1):
        for place in range(smooth_offsets[row], smooth_offsets[row + 1]):
            first = offsets[row] + place - smooth_offsets[row]
            stop = min(first + w, offsets[row + 1])
            total = 0.0
            for i in range(first, stop):
                total += gap_T[i]
            smooth[place] = total / (stop - first)


GAP_K = Method(
    name="gap_k",
    needs=frozenset({"plain", "top1", "variance"}),
    score=_score,
    defaults={"k": 0.2, "w": 3, "variance_floor": 1e-8, "short_text": AT_LEAST_ONE},
    passes="1",
    formula=(
        "d_i = (l_i - max_v ln p(v)) / sigma_i; means of w consecutive d_i; mean of the floor(k m) smallest of the m means"
    ),
    source="Gap-K%, 2026, released code; sigma_i^2 is held at 1e-8 or above there as well",
    null_when=("no token is scored. A text shorter than w is one window. Where floor(k m) = 0: as min_k"),
    explain=_explain,
)
