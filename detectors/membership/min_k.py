"""Min-K% Prob: the mean of the least probable tokens."""

from __future__ import annotations

import numpy as np

from detectors.membership.method import Explanation, Inputs, Method, Params, Scores, needed
from detectors.membership.rows import AT_LEAST_ONE, lowest_counts, lowest_means, scores

__all__ = ["MIN_K"]


def _score(inputs: Inputs, params: Params) -> Scores:
    trace = needed(inputs.plain, "a trace", "min_k")
    lengths = np.diff(trace.offsets)
    counts = lowest_counts(lengths, params["k"], params["short_text"])
    values = lowest_means(trace.logprob_T, trace.offsets, counts)
    return scores(values, {"no_tokens": lengths == 0, "too_short": counts == 0})


def _explain(inputs: Inputs, params: Params) -> Explanation:
    trace = needed(inputs.plain, "a trace", "min_k")
    counts = lowest_counts(np.diff(trace.offsets), params["k"], params["short_text"])
    values = np.full(len(trace.logprob_T), np.nan)
    for row, count in enumerate(counts):
        tokens = trace.logprob_T[trace.offsets[row] : trace.offsets[row + 1]]
        lowest = np.argsort(tokens, kind="stable")[:count]
        values[trace.offsets[row] + lowest] = tokens[lowest]
    return Explanation(values, "log-probability of a token among the lowest k, in nats")


MIN_K = Method(
    name="min_k",
    needs=frozenset({"plain"}),
    score=_score,
    defaults={"k": 0.2, "short_text": AT_LEAST_ONE},
    passes="1",
    formula="mean of the floor(k n) smallest l_i of n tokens",
    source="Shi et al. 2023, Detecting Pretraining Data from Large Language Models, section 3",
    null_when=(
        "no token is scored. Where floor(k n) = 0: the one smallest l_i (short_text=at_least_one), or NULL "
        "(short_text=undefined)"
    ),
    differs=(
        "k is taken as the decimal it is written as, so that 0.29 of 100 is 29; detect-pretrain-code gives NaN where "
        "floor(k n) = 0, open-unlearning and others take one token"
    ),
    explain=_explain,
)
