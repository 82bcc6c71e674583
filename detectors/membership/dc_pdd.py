"""DC-PDD: the probability of each distinct token, weighed by how rare the token is in general text.

alpha_i = min(-p(x_i) ln f(x_i), a); the score beta is the mean of alpha over the first occurrence of each token id in
the row. A row is a window or a text as the caller decided, and that is where occurrences are first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError
from datagov.text.kernel import kernel
from detectors.membership.method import Explanation, Inputs, Method, Params, Scores, needed
from detectors.membership.rows import row_means, scores
from detectors.ragged import offsets_of

__all__ = ["DC_PDD"]

PAPER = "paper"
OFFICIAL = "official-score"


@dataclass(frozen=True)
class _Terms:
    alpha_T: npt.NDArray[np.float64]
    first_T: npt.NDArray[np.bool_]
    unseen_T: npt.NDArray[np.bool_]


def _terms(inputs: Inputs, params: Params) -> _Terms:
    """Return alpha of every token, which tokens are counted, and which the frequency table never saw."""
    trace = needed(inputs.plain, "a trace", "dc_pdd")
    table = needed(inputs.frequency, "a token-frequency table", "dc_pdd")
    mode, a = params["mode"], params["a"]
    if mode not in (PAPER, OFFICIAL):
        raise ConfigError(f"mode={mode!r} of dc_pdd is neither {PAPER} nor {OFFICIAL}")
    if isinstance(a, bool) or not isinstance(a, int | float) or not 0 < a < np.inf:
        raise ConfigError(f"a={a!r} of dc_pdd is the largest alpha, a number above 0")
    if not isinstance(params["drop_first"], bool):
        raise ConfigError(f"drop_first={params['drop_first']!r} of dc_pdd is neither true nor false")
    if table.tokenizer_digest != trace.origin.tokenizer_digest:
        raise ConfigError(
            f"the token-frequency table was counted with tokenizer {table.tokenizer_digest} and the texts were traced with "
            f"{trace.origin.tokenizer_digest}; build a table with the target's own tokenizer (`datagov frequency build`)"
        )
    ids = trace.token_ids_T
    known = max(len(table.counts), int(ids.max(initial=-1)) + 1)
    counts = np.zeros(known, dtype=np.int64)
    counts[: len(table.counts)] = table.counts
    count_T = counts[ids]
    if mode == PAPER:
        vocabulary = needed(inputs.vocabulary_size, "the size of the vocabulary", "dc_pdd")
        log_T = np.log((count_T + 1) / (table.tokens + vocabulary))
    else:
        log_T = np.log(np.maximum(count_T, 1))
    alpha_T = np.minimum(-np.exp(trace.logprob_T.astype(np.float64)) * log_T, a) + 0.0
    if mode == OFFICIAL:
        alpha_T[count_T == 0] = a  # -p ln 0 is infinite, and the cap binds
    skip = int(mode == OFFICIAL and params["drop_first"] and trace.origin.start_token_id is not None)
    first_T = np.zeros(len(ids), dtype=bool)
    _first_occurrences(ids, trace.offsets, skip, np.full(known, -1, dtype=np.int64), first_T)
    return _Terms(alpha_T, first_T, count_T == 0)


def _score(inputs: Inputs, params: Params) -> Scores:
    trace = needed(inputs.plain, "a trace", "dc_pdd")
    terms = _terms(inputs, params)
    offsets = offsets_of(np.diff(np.concatenate(([0], np.cumsum(terms.first_T)))[trace.offsets]))
    beta = row_means(terms.alpha_T[terms.first_T], offsets)
    unstarted = np.full(len(beta), params["mode"] == PAPER and trace.origin.start_token_id is None)
    return scores(
        beta,
        {"no_start_token": unstarted, "no_tokens": np.diff(offsets) == 0},
        {
            "share": beta / params["a"],
            "first_occurrences": np.diff(offsets).astype(np.float64),
            "unseen_fraction": row_means(terms.unseen_T[terms.first_T], offsets),
        },
    )


def _explain(inputs: Inputs, params: Params) -> Explanation:
    terms = _terms(inputs, params)
    values = np.where(terms.first_T, terms.alpha_T - params["a"], np.nan)
    return Explanation(
        values, "alpha - a: 0 where the token is as expected of a member, below 0 what it takes away"
    )


@kernel
def _first_occurrences(
    ids: np.ndarray, offsets: np.ndarray, skip: int, seen_in: np.ndarray, first: np.ndarray
) -> None:
    for row in range(len(offsets) - 1):
        for i in range(offsets[row] + skip, offsets[row + 1]):
            if seen_in[ids[i]] != row:
                seen_in[ids[i]] = row
                first[i] = True


DC_PDD = Method(
    name="dc_pdd",
    needs=frozenset({"plain", "frequency", "vocabulary_size"}),
    score=_score,
    defaults={"mode": PAPER, "a": 0.01, "drop_first": True},
    passes="1",
    formula=(
        "paper: mean over first occurrences of min(-p(x_i) ln f(x_i), a), f(t) = (count(t) + 1) / (N' + |V|), natural "
        "logarithm, |V| = config.vocab_size, every token scored after a start token that is not counted itself. "
        "official-score: f(t) = count(t); a count of 0 gives a, 1 gives 0, more gives less than 0; the first token is "
        "unscored (drop_first). Detail share = beta / a, in [0, 1] in paper mode"
    ),
    source="Zhang et al. 2024, Pretraining Data Detection for LLMs: A Divergence-based Calibration Method, 3.2-3.5; its release",
    null_when="no token is scored; in paper mode also where the target has no start token (no_start_token)",
    differs=(
        "the release computes smoothed frequencies and then scores with raw counts (official-score); MIMIR counts documents "
        "instead of occurrences; Fast-MIA neither normalises nor smooths. With tokenizers that put a start token themselves "
        "the release scores every text token: drop_first=false"
    ),
    explain=_explain,
)
