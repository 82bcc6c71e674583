"""Con-ReCaLL: non-member shots in front against member shots in front."""

from __future__ import annotations

import numpy as np

from datagov.errors import ConfigError
from detectors.membership.method import Inputs, Method, Params, Scores, needed
from detectors.membership.rows import row_means, scores

__all__ = ["CON_RECALL"]


def _score(inputs: Inputs, params: Params) -> Scores:
    gamma = params["gamma"]
    if isinstance(gamma, bool) or not isinstance(gamma, int | float) or not np.isfinite(gamma):
        raise ConfigError(f"gamma={gamma!r} of con_recall is a number, the weight of the member shots")
    trace = needed(inputs.plain, "a trace", "con_recall")
    strange = needed(inputs.prefixed.get("non_member"), "a trace after non-member shots", "con_recall")
    known = needed(inputs.prefixed.get("member"), "a trace after member shots", "con_recall")
    plain = row_means(trace.logprob_T, trace.offsets)
    difference = row_means(strange.logprob_T, strange.offsets) - gamma * row_means(
        known.logprob_T, known.offsets
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        values = difference / plain
    empty = np.any([np.diff(of.offsets) == 0 for of in (trace, strange, known)], axis=0)
    return scores(values, {"no_tokens": empty, "zero_loss": plain == 0})


CON_RECALL = Method(
    name="con_recall",
    needs=frozenset({"plain", "prefixed"}),
    score=_score,
    defaults={"gamma": 0.5},
    passes="3: plain, after non-member shots, after member shots",
    formula="(LL(x after non-member shots) - gamma LL(x after member shots)) / LL(x), LL the mean of l_i over x",
    source="Wang et al. 2024, Con-ReCaLL, section 3",
    null_when="no token is scored, or LL(x) = 0",
    differs=(
        "shots from pools disjoint from the suspects, as in recall; gamma is fixed beforehand, the paper reports the best "
        "of ten on the test set"
    ),
)
