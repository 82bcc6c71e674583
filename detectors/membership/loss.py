"""Mean log-probability of a text's tokens."""

from __future__ import annotations

import numpy as np

from detectors.membership.method import Explanation, Inputs, Method, Params, Scores, needed
from detectors.membership.rows import row_means, scores

__all__ = ["LOSS"]


def _score(inputs: Inputs, params: Params) -> Scores:
    del params
    trace = needed(inputs.plain, "a trace", "loss")
    return scores(row_means(trace.logprob_T, trace.offsets), {"no_tokens": np.diff(trace.offsets) == 0})


def _explain(inputs: Inputs, params: Params) -> Explanation:
    del params
    trace = needed(inputs.plain, "a trace", "loss")
    return Explanation(trace.logprob_T.astype(np.float64), "log-probability of the token, in nats")


LOSS = Method(
    name="loss",
    needs=frozenset({"plain"}),
    score=_score,
    defaults={},
    passes="1",
    formula="mean of l_i over the text's tokens; the negative of the loss, ln of 1/perplexity",
    source="Yeom et al. 2018, Privacy Risk in Machine Learning, section 3",
    null_when="no token is scored",
    explain=_explain,
)
