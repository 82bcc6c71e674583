"""ReCaLL: what known non-members in front do to a text's log-probability."""

from __future__ import annotations

import numpy as np

from detectors.membership.method import Inputs, Method, Params, Scores, needed
from detectors.membership.rows import row_means, scores

__all__ = ["RECALL"]


def _score(inputs: Inputs, params: Params) -> Scores:
    del params
    trace = needed(inputs.plain, "a trace", "recall")
    after = needed(inputs.prefixed.get("non_member"), "a trace after non-member shots", "recall")
    plain = row_means(trace.logprob_T, trace.offsets)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = row_means(after.logprob_T, after.offsets) / plain
    empty = (np.diff(trace.offsets) == 0) | (np.diff(after.offsets) == 0)
    return scores(values, {"no_tokens": empty, "zero_loss": plain == 0})


RECALL = Method(
    name="recall",
    needs=frozenset({"plain", "prefixed"}),
    score=_score,
    defaults={},
    passes="2: plain, after the shots",
    formula="LL(x after non-member shots) / LL(x), LL the mean of l_i over the tokens of x",
    source="Xie et al. 2024, ReCaLL, section 3",
    null_when="no token is scored, or LL(x) = 0",
    differs=(
        "the shots come from a pool that is disjoint from the suspects and the calibration set; the release takes them "
        "from the labelled benchmark, and others keep them among the texts evaluated. A dated pool makes the prefix say "
        "'text from after the cut-off': see the blind check"
    ),
)
