"""Mean log-probability over the text's compressed size."""

from __future__ import annotations

import numpy as np

from detectors.membership.method import Inputs, Method, Params, Scores, needed
from detectors.membership.rows import row_means, scores

__all__ = ["ZLIB_RATIO"]


def _score(inputs: Inputs, params: Params) -> Scores:
    del params
    trace = needed(inputs.plain, "a trace", "zlib_ratio")
    compressed = needed(inputs.zlib_bytes, "the compressed size of the texts", "zlib_ratio")
    means = row_means(trace.logprob_T, trace.offsets)
    return scores(means / compressed, {"no_tokens": np.diff(trace.offsets) == 0})


ZLIB_RATIO = Method(
    name="zlib_ratio",
    needs=frozenset({"plain", "zlib_bytes"}),
    score=_score,
    defaults={},
    passes="1",
    formula="(mean of l_i) / (bytes of zlib.compress(UTF-8 text, level 6))",
    source="Carlini et al. 2021, Extracting Training Data from Large Language Models, section 5.2",
    null_when="no token is scored",
    differs=(
        "divides by the size in bytes, as the paper does; the SoK benchmark's code divides by a ratio of sizes. The size is that of the "
        "whole text, also where only its first window is scored (--window-policy first)"
    ),
)
