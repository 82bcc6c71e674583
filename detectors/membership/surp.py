"""SURP: tokens that are improbable although the model was sure."""

from __future__ import annotations

import numpy as np

from datagov.errors import ConfigError
from datagov.text.kernel import kernel
from detectors.membership.method import Explanation, Inputs, Method, Params, Scores, needed
from detectors.membership.rows import AT_LEAST_ONE, lowest_counts, row_means, scores
from detectors.ragged import offsets_of
from detectors.trace import TraceBatch

__all__ = ["SURP"]


def surprising(trace: TraceBatch, params: Params) -> np.ndarray:
    """Return bool[T]: tokens among the lowest k whose position has an entropy below tau."""
    entropy_T = needed(trace.entropy_T, "the entropy of each token", "surp")
    tau = params["tau"]
    if isinstance(tau, bool) or not isinstance(tau, int | float) or not tau > 0:
        raise ConfigError(f"tau={tau!r} of surp is an entropy in nats, a number above 0")
    counts = lowest_counts(np.diff(trace.offsets), params["k"], params["short_text"])
    chosen = np.zeros(len(trace.logprob_T), dtype=bool)
    _choose(trace.logprob_T, entropy_T, trace.offsets, counts, float(tau), chosen)
    return chosen


def _score(inputs: Inputs, params: Params) -> Scores:
    trace = needed(inputs.plain, "a trace", "surp")
    chosen = surprising(trace, params)
    offsets = offsets_of(np.diff(np.concatenate(([0], np.cumsum(chosen)))[trace.offsets]))
    return scores(
        row_means(trace.logprob_T[chosen], offsets),
        {"no_tokens": np.diff(trace.offsets) == 0, "no_surprising_tokens": np.diff(offsets) == 0},
    )


def _explain(inputs: Inputs, params: Params) -> Explanation:
    trace = needed(inputs.plain, "a trace", "surp")
    values = np.where(surprising(trace, params), trace.logprob_T.astype(np.float64), np.nan)
    return Explanation(values, "log-probability of a surprising token, in nats")


@kernel
def _choose(
    logprob_T: np.ndarray,
    entropy_T: np.ndarray,
    offsets: np.ndarray,
    counts: np.ndarray,
    tau: float,
    chosen: np.ndarray,
) -> None:
    for row in range(len(counts)):
        if counts[row] == 0:
            continue
        # Ties at the edge are all in, so that the order of tokens decides nothing.
        edge = np.sort(logprob_T[offsets[row] : offsets[row + 1]])[counts[row] - 1]
        for i in range(offsets[row], offsets[row + 1]):
            chosen[i] = logprob_T[i] <= edge and entropy_T[i] < tau


SURP = Method(
    name="surp",
    needs=frozenset({"plain", "entropy"}),
    score=_score,
    defaults={"k": 0.4, "tau": 2.0, "short_text": AT_LEAST_ONE},
    passes="1",
    formula="mean of l_i over tokens whose l_i is among the floor(k n) smallest (ties included) and whose H_i < tau nats",
    source="A. Zhang et al. 2024, Adaptive Pre-training Data Detection via Surprising Tokens, section 3; tau as in SoK",
    null_when=(
        "no token is scored, or none is surprising (no_surprising_tokens): often, with a model that is never sure; raise "
        "tau then, before looking at labels"
    ),
    explain=_explain,
)
