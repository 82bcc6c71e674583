"""Min-K%++ where only the K largest probabilities are known: an interval that holds the exact score.

With top masses p_1 >= ... >= p_K, the rest r = 1 - sum p spread over m tokens, none above p_K. The tail's part of
mu = E[ln p] is least when it is uniform and greatest when packed at p_K; E[(ln p - c)^2] the other way round.
"""

from __future__ import annotations

import numpy as np

from datagov.errors import ConfigError
from datagov.text.kernel import kernel
from detectors.membership.method import Inputs, Method, Params, Scores, needed
from detectors.membership.rows import AT_LEAST_ONE, lowest_counts, lowest_means, scores

__all__ = ["FEWEST", "MIN_K_PLUS_PLUS_TOP"]

NAME = "min_k_plus_plus_top"
FEWEST = 3
"""Alternatives a position. From three on p_K <= 1/3 < 1/e, below which q ln^2 q is concave, so that the uniform tail is the greatest."""
AT_ONCE = 65_536
"""Tokens whose probabilities are held at a time; numpy's exp over an array is several times faster than one by one. In float32 the
rest of a sharp distribution would be lost."""


def _score(inputs: Inputs, params: Params) -> Scores:
    trace = needed(inputs.plain, "a trace", NAME)
    top_TK = needed(trace.top_TK, "the largest log-probabilities of each position", NAME)
    vocabulary = needed(inputs.vocabulary_size, "the size of the vocabulary", NAME)
    width = params["max_width"]
    if isinstance(width, bool) or not isinstance(width, int | float) or not width > 0:
        raise ConfigError(f"max_width={width!r} of {NAME} is the widest interval allowed, a number above 0")
    lengths = np.diff(trace.offsets)
    counts = lowest_counts(lengths, params["k"], params["short_text"])
    low_T, high_T = np.empty(len(trace.logprob_T)), np.empty(len(trace.logprob_T))
    for start in range(0, len(low_T), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        top = top_TK[part].astype(np.float64)
        _bounds(trace.logprob_T[part], top, np.exp(top), vocabulary, low_T[part], high_T[part])
    low = lowest_means(low_T, trace.offsets, counts)
    high = lowest_means(high_T, trace.offsets, counts)
    few = np.concatenate(([0], np.cumsum(np.isnan(low_T))))
    with np.errstate(invalid="ignore"):
        middle, spread = (low + high) / 2, high - low
    return scores(
        middle,
        {
            "no_tokens": lengths == 0,
            "too_short": counts == 0,
            "too_few_top_logprobs": np.diff(few[trace.offsets]) > 0,
            "interval_too_wide": ~(spread <= width),
        },
        {"low": low, "high": high},
    )


@kernel
def _bounds(
    logprob_T: np.ndarray,
    top_TK: np.ndarray,
    mass_TK: np.ndarray,
    vocabulary: int,
    low: np.ndarray,
    high: np.ndarray,
) -> None:
    for t in range(len(logprob_T)):
        actual = np.float64(logprob_T[t])
        known = 0
        mass, first, second = 0.0, 0.0, 0.0
        least = 0.0
        for j in range(top_TK.shape[1]):
            ln_p, p = top_TK[t, j], mass_TK[t, j]
            if np.isnan(ln_p):
                break
            mass += p
            first += p * ln_p
            second += p * ln_p * ln_p
            least = ln_p
            known += 1
        if known < FEWEST:
            low[t] = np.nan
            high[t] = np.nan
            continue
        # A token outside the top has a mass that is known as well.
        outside = actual < least
        if outside:
            p = np.exp(actual)
            mass += p
            first += p * actual
            second += p * actual * actual
        others = vocabulary - known - int(outside)
        rest = max(0.0, min(1.0 - mass, others * np.exp(least)))
        if others <= 0:
            rest = 0.0
        uniform = np.log(rest / others) if rest > 0.0 else 0.0
        mean_low = first + rest * uniform
        mean_high = first + rest * least
        centre = (mean_low + mean_high) / 2
        half = (mean_high - mean_low) / 2
        about = second - 2 * centre * first + centre * centre * mass
        # About the centre the tail's part lies between packed and uniform where the curve allows it to be said.
        tail_low = rest * (least - centre) ** 2 if least <= centre else 0.0
        if least <= centre - 1.0:
            tail_high = rest * (uniform - centre) ** 2
        else:
            # q (ln q - c)^2 = q ln^2 q - 2 c q ln q + c^2 q, with c <= 0 and each part at its greatest.
            tail_high = rest * (uniform**2 - 2 * centre * least + centre**2)
        spread_low = np.sqrt(max(0.0, about + tail_low - half**2))
        spread_high = np.sqrt(about + tail_high)
        below, above = actual - mean_high, actual - mean_low
        low[t] = _ratio(below, spread_low if below < 0 else spread_high)
        high[t] = _ratio(above, spread_high if above < 0 else spread_low)


@kernel
def _ratio(numerator: float, spread: float) -> float:
    if spread > 0.0:
        return numerator / spread
    if numerator == 0.0:
        return 0.0
    return np.inf if numerator > 0 else -np.inf


MIN_K_PLUS_PLUS_TOP = Method(
    name=NAME,
    needs=frozenset({"plain", "top_logprobs", "vocabulary_size"}),
    score=_score,
    defaults={"k": 0.2, "short_text": AT_LEAST_ONE, "max_width": 0.5},
    passes="1",
    formula=(
        "least and greatest z_i that the K largest probabilities of a position allow; details low and high are the "
        "means of the floor(k n) smallest of each, and hold min_k_plus_plus; the score is their middle"
    ),
    source="Zhang et al. 2024, Min-K%++, section 4; bounds of mean and variance derived here",
    null_when=(
        "no token is scored, a position has fewer than 3 alternatives, or the interval is wider than max_width; where "
        "floor(k n) = 0: as min_k"
    ),
    differs="no public implementation scores from the top K",
)
