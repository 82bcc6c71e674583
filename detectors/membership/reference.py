"""Log-probability under the target against that under a reference model."""

from __future__ import annotations

import numpy as np

from datagov.errors import ConfigError
from detectors.membership.method import Inputs, Method, Params, Scores, needed
from detectors.membership.rows import row_means, scores

__all__ = ["REFERENCE"]


def _score(inputs: Inputs, params: Params) -> Scores:
    trace = needed(inputs.plain, "a trace", "reference")
    other = needed(inputs.reference, "a trace under a reference model", "reference")
    target, under = row_means(trace.logprob_T, trace.offsets), row_means(other.logprob_T, other.offsets)
    own, theirs = np.diff(trace.offsets), np.diff(other.offsets)
    if params["per"] == "byte":
        size = needed(inputs.utf8_bytes, "the size of the texts", "reference")
        with np.errstate(divide="ignore", invalid="ignore"):
            target, under = target * own / size, under * theirs / size
    elif params["per"] != "token":
        raise ConfigError(f"per={params['per']!r} of reference is neither token nor byte")
    return scores(target - under, {"no_tokens": (own == 0) | (theirs == 0)})


REFERENCE = Method(
    name="reference",
    needs=frozenset({"plain", "reference", "utf8_bytes"}),
    score=_score,
    defaults={"per": "token"},
    passes="1 + 1 of the reference model",
    formula="LL_target(x) - LL_reference(x), LL the mean of l_i; sums of l_i a byte of text with per=byte",
    source="Carlini et al. 2021, section 5.2; MIMIR and the Min-K%++ release (difference of means)",
    null_when="either model scores no token",
    differs=(
        "per=token compares means over different tokens where the tokenizers differ; per=byte does not. DC-PDD's release "
        "takes a ratio instead of the difference"
    ),
)
