"""Verbatim continuation: does the model go on as the text does? For endpoints that give no log-probabilities."""

from __future__ import annotations

import numpy as np

from datagov.errors import ConfigError
from datagov.text.kernel import kernel
from detectors.membership.method import Inputs, Method, Params, Scores, needed
from detectors.membership.rows import scores

__all__ = ["VERBATIM"]


def _score(inputs: Inputs, params: Params) -> Scores:
    said = needed(inputs.continued, "what the target generated after each text's beginning", "verbatim")
    truth = needed(inputs.truth, "what follows there in the text", "verbatim")
    if params["measure"] not in ("prefix", "substring"):
        raise ConfigError(f"measure={params['measure']!r} of verbatim is neither prefix nor substring")
    common = np.empty(len(truth), dtype=np.int64)
    longest = _prefixes if params["measure"] == "prefix" else _substrings
    longest(said.token_ids, said.offsets, truth.token_ids, truth.offsets, common)
    with np.errstate(invalid="ignore"):
        share = common / truth.lengths
    return scores(
        share,
        {"no_truth": truth.lengths == 0, "no_continuation": said.lengths == 0},
        {"tokens": common.astype(np.float64)},
    )


@kernel
def _prefixes(
    a: np.ndarray, a_offsets: np.ndarray, b: np.ndarray, b_offsets: np.ndarray, out: np.ndarray
) -> None:
    for row in range(len(out)):
        i, j = a_offsets[row], b_offsets[row]
        while i < a_offsets[row + 1] and j < b_offsets[row + 1] and a[i] == b[j]:
            i += 1
            j += 1
        out[row] = j - b_offsets[row]


@kernel
def _substrings(
    a: np.ndarray, a_offsets: np.ndarray, b: np.ndarray, b_offsets: np.ndarray, out: np.ndarray
) -> None:
    for row in range(len(out)):
        width = b_offsets[row + 1] - b_offsets[row]
        # ending[j]: longest common run that ends at the current token of a and at token j - 1 of b.
        ending = np.zeros(width + 1, dtype=np.int64)
        best = 0
        for i in range(a_offsets[row], a_offsets[row + 1]):
            for j in range(width, 0, -1):
                ending[j] = ending[j - 1] + 1 if a[i] == b[b_offsets[row] + j - 1] else 0
                best = max(best, ending[j])
        out[row] = best


VERBATIM = Method(
    name="verbatim",
    needs=frozenset({"continued"}),
    score=_score,
    defaults={"measure": "prefix"},
    passes="1 greedy generation",
    formula=(
        "tokens of the longest common prefix (or substring) of the greedy continuation and the true one, over the tokens "
        "of the true one"
    ),
    source="Carlini et al. 2023, Quantifying Memorization Across Neural Language Models, section 3 (extractable text)",
    null_when="nothing follows in the text (no_truth), or nothing was generated (no_continuation)",
)
