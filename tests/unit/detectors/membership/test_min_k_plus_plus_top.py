"""The interval from the K largest probabilities holds the exact score."""

from __future__ import annotations

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from traces import trace_of

from detectors.membership.method import Inputs
from detectors.membership.min_k_plus_plus import MIN_K_PLUS_PLUS
from detectors.membership.min_k_plus_plus_top import MIN_K_PLUS_PLUS_TOP
from detectors.trace import TraceBatch

WIDE = {**MIN_K_PLUS_PLUS_TOP.defaults, "max_width": 1e9}


def model_trace(seed: int, sharpness: float, vocabulary: int, kept: int) -> TraceBatch:
    """Twenty tokens of a random model; `kept` of its largest probabilities."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, sharpness, (20, vocabulary))
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    ids = generator.integers(0, vocabulary, 20)
    entropy = -(np.exp(log_p) * log_p).sum(axis=1)
    return trace_of(
        [log_p[np.arange(20), ids]],
        entropy=[entropy],
        variance=[(np.exp(log_p) * (log_p + entropy[:, None]) ** 2).sum(axis=1)],
        top=[-np.sort(-log_p, axis=1)[:, :kept]],
    )


@settings(max_examples=examples(150))
@given(
    seed=st.integers(0, 10**6),
    sharpness=st.sampled_from([0.3, 1.0, 2.0, 4.0]),
    vocabulary=st.sampled_from([25, 200, 2000]),
    kept=st.sampled_from([3, 5, 20]),
)
def test_the_interval_holds_the_exact_score(seed: int, sharpness: float, vocabulary: int, kept: int) -> None:
    trace = model_trace(seed, sharpness, vocabulary, kept)
    exact = MIN_K_PLUS_PLUS.score(Inputs(trace), MIN_K_PLUS_PLUS.defaults).values[0]
    found = MIN_K_PLUS_PLUS_TOP.score(Inputs(trace, vocabulary_size=vocabulary), WIDE)
    if found.reasons == ["interval_too_wide"]:  # the spread may be 0 for all that is known
        return
    assert found.details["low"][0] - 1e-4 <= exact <= found.details["high"][0] + 1e-4
    assert found.values[0] == pytest.approx((found.details["low"][0] + found.details["high"][0]) / 2)


def test_all_probabilities_give_the_exact_score() -> None:
    trace = model_trace(1, 2.0, 25, 25)
    exact = MIN_K_PLUS_PLUS.score(Inputs(trace), MIN_K_PLUS_PLUS.defaults).values[0]
    found = MIN_K_PLUS_PLUS_TOP.score(Inputs(trace, vocabulary_size=25), WIDE)
    assert found.details["low"][0] == pytest.approx(exact, abs=1e-4)
    assert found.details["high"][0] == pytest.approx(exact, abs=1e-4)


def test_a_worked_interval() -> None:
    # p = 1/2, 1/4, 1/8 known, r = 1/8 over m = 2 others: packed at 1/8 each would need mass 1/4, so uniform is 1/16 each.
    # mu in [S1 + r ln(1/16), S1 + r ln(1/8)], S1 = -(ln 2)(1/2 + 2/4 + 3/8) = -1.375 ln 2
    # = [-1.875 ln 2, -1.75 ln 2]; the actual token is the first: l = -ln 2
    ln2 = np.log(2)
    trace = trace_of([[-ln2]], top=[np.array([[-ln2, -2 * ln2, -3 * ln2]])])
    found = MIN_K_PLUS_PLUS_TOP.score(Inputs(trace, vocabulary_size=5), WIDE)
    # both ends positive: low = 0.75 ln2 / largest sigma, high = 0.875 ln2 / smallest sigma; in units of ln 2, about
    # c = -1.8125: known part (1/2)(0.8125)^2 + (1/4)(0.1875)^2 + (1/8)(1.1875)^2 = 0.51513671875, tail at least
    # (1/8)(1.1875)^2 = 0.17626953125, less (0.0625)^2 = 0.00390625: sigma^2 >= 0.6875 (ln 2)^2
    assert found.details["high"][0] == pytest.approx(0.875 / np.sqrt(0.6875), abs=1e-6)
    # the tail is at most (1/8)(4^2 - 2 * 1.8125 * 3 + 1.8125^2) = 1.05126953125, for ln p_K is not 1 below c
    assert found.details["low"][0] == pytest.approx(0.75 / np.sqrt(0.51513671875 + 1.05126953125), abs=1e-6)


def test_two_alternatives_bound_nothing_and_a_wide_interval_is_no_score() -> None:
    few = model_trace(1, 1.0, 200, 2)
    assert MIN_K_PLUS_PLUS_TOP.score(Inputs(few, vocabulary_size=200), WIDE).reasons == [
        "too_few_top_logprobs"
    ]
    flat = model_trace(1, 0.3, 2000, 3)
    tight = {**WIDE, "max_width": 0.01}
    assert MIN_K_PLUS_PLUS_TOP.score(Inputs(flat, vocabulary_size=2000), tight).reasons == [
        "interval_too_wide"
    ]
