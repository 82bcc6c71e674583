"""PAC: how much more polarised a text's log-probabilities are than those of its perturbed versions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError
from datagov.text.kernel import kernel
from detectors.membership.method import Inputs, Method, Params, Scores, needed
from detectors.membership.rows import AT_LEAST_ONE, lowest_counts, lowest_means, scores
from detectors.trace import TraceBatch

__all__ = ["PAC"]


def polarised_distance(trace: TraceBatch, params: Params) -> npt.NDArray[np.float64]:
    """Return PD = mean of the highest `far` l_i minus mean of the lowest `local` l_i, float64[N], of each at least one."""
    lengths = np.diff(trace.offsets)
    far, local = (lowest_counts(lengths, params[name], AT_LEAST_ONE, name=name) for name in ("far", "local"))
    high = -lowest_means(-trace.logprob_T, trace.offsets, far)
    return high - lowest_means(trace.logprob_T, trace.offsets, local)


def _score(inputs: Inputs, params: Params) -> Scores:
    trace = needed(inputs.plain, "a trace", "pac")
    if not inputs.perturbed:
        raise ConfigError("method 'pac' needs traces of perturbed texts; make them with `perturb.swap_words`")
    unlike = np.mean([polarised_distance(other, params) for other in inputs.perturbed], axis=0)
    empty = np.any([np.diff(of.offsets) == 0 for of in (trace, *inputs.perturbed)], axis=0)
    equal = np.all([_same_rows(trace, other) for other in inputs.perturbed], axis=0)
    return scores(
        unlike - polarised_distance(trace, params), {"no_tokens": empty, "perturbation_equal": equal}
    )


def _same_rows(a: TraceBatch, b: TraceBatch) -> npt.NDArray[np.bool_]:
    """Return bool[N]: rows with the same token ids."""
    same = np.empty(a.windows, dtype=np.bool_)
    _compare(a.token_ids_T, a.offsets, b.token_ids_T, b.offsets, same)
    return same


@kernel
def _compare(
    a: np.ndarray, a_offsets: np.ndarray, b: np.ndarray, b_offsets: np.ndarray, same: np.ndarray
) -> None:
    for row in range(len(same)):
        length = a_offsets[row + 1] - a_offsets[row]
        same[row] = length == b_offsets[row + 1] - b_offsets[row]
        i = 0
        while same[row] and i < length:
            same[row] = a[a_offsets[row] + i] == b[b_offsets[row] + i]
            i += 1


PAC = Method(
    name="pac",
    needs=frozenset({"plain", "perturbed"}),
    score=_score,
    defaults={"far": 0.05, "local": 0.3},
    passes="1 + 5 perturbed",
    formula=(
        "-(PD(x) - mean_j PD(x_j)); PD = mean of the floor(far n) largest l_i minus mean of the floor(local n) smallest, "
        "at least one token each; x_j: 30 % of the words swapped at random"
    ),
    source="Ye et al. 2024, Data Contamination Calibration for Black-box LLMs (PAC), section 3",
    null_when="no token is scored, or no swap changed the text (perturbation_equal: texts of one word)",
    differs="in the release floor(far n) = 0 takes the whole text; the swaps here are drawn by the seed and the text, there in the order of the texts",
)
