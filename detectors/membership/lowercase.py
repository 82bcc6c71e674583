"""What lower case does to a text's log-probability."""

from __future__ import annotations

import numpy as np

from detectors.membership.method import Inputs, Method, Params, Scores, needed
from detectors.membership.rows import row_means, scores

__all__ = ["LOWERCASE"]


def _score(inputs: Inputs, params: Params) -> Scores:
    del params
    trace = needed(inputs.plain, "a trace", "lowercase")
    lowered = needed(inputs.lowercase, "a trace of the lower-cased texts", "lowercase")
    unchanged = needed(inputs.unchanged, "which texts lower case does not change", "lowercase")
    plain = row_means(trace.logprob_T, trace.offsets)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = row_means(lowered.logprob_T, lowered.offsets) / plain
    return scores(
        values,
        {
            "no_tokens": (np.diff(trace.offsets) == 0) | (np.diff(lowered.offsets) == 0),
            "lowercase_equal": unchanged,
            "zero_loss": plain == 0,
        },
    )


LOWERCASE = Method(
    name="lowercase",
    needs=frozenset({"plain", "lowercase"}),
    score=_score,
    defaults={},
    passes="2: plain, lower-cased",
    formula="LL(lower(x)) / LL(x), LL the mean of l_i",
    source="Carlini et al. 2021, Extracting Training Data from Large Language Models, section 5.2",
    null_when="no token is scored, lower case changes nothing (lowercase_equal: all Chinese text), or LL(x) = 0",
)
