"""Conformal p-values, thresholds and corrections: error rates are what they are said to be."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, chisquare, false_discovery_control

from datagov.errors import ConfigError, InputError
from detectors.statistics.conformal import allowed_rank, p_values, threshold
from detectors.statistics.multiple import adjust, impossible

SPLITS = 1000


def test_a_p_value_by_hand() -> None:
    # of 4 known scores, 2 are >= 3 (one equal): (1 + 2) / 5; none >= 9: 1/5; all >= 0: 1
    found = p_values(np.array([3.0, 9.0, 0.0, np.nan]), np.array([1.0, 3.0, 2.0, 5.0]))
    np.testing.assert_allclose(found[:3], [0.6, 0.2, 1.0])
    assert np.isnan(found[3])


@given(
    st.lists(st.integers(0, 9), min_size=19, max_size=60),
    st.lists(st.integers(0, 9), max_size=20),
    st.sampled_from([0.05, 0.1, 0.3]),
)
def test_above_the_threshold_is_where_p_reaches_alpha(
    known: list[int], scores: list[int], alpha: float
) -> None:
    calibration, suspects = np.array(known, float), np.array(scores, float)
    found = threshold(calibration, alpha)
    np.testing.assert_array_equal(suspects > found.value, p_values(suspects, calibration) <= alpha + 1e-12)


def test_the_realised_rate_is_the_stated_one_and_counts_follow_the_beta_binomial_law() -> None:
    generator = np.random.default_rng(5)
    pool, n0, tested, alpha = generator.gamma(2.0, size=120), 49, 20, 0.1
    counts = []
    for _ in range(SPLITS):
        order = generator.permutation(len(pool))
        known, rest = pool[order[:n0]], pool[order[n0 : n0 + tested]]
        counts.append(int((rest > threshold(known, alpha).value).sum()))
    k = allowed_rank(n0, alpha)
    assert k == 5
    # splits of one pool share documents; the bounds are three standard errors of independent ones
    mean, spread = k / (n0 + 1), np.std(counts) / tested / np.sqrt(SPLITS)
    assert abs(np.mean(counts) / tested - mean) < 3 * spread
    law = betabinom(tested, k, n0 + 1 - k)
    observed = np.bincount(np.minimum(counts, 5), minlength=6)
    expected = np.append(law.pmf(np.arange(5)), law.sf(4)) * SPLITS
    assert chisquare(observed, expected).pvalue > 1e-3


def test_the_band_holds_the_true_rate_95_times_in_100() -> None:
    generator = np.random.default_rng(6)
    held = 0
    for _ in range(SPLITS):
        found = threshold(generator.random(199), 0.05)
        held += found.fpr_low <= 1 - found.value <= found.fpr_high
    assert 0.93 < held / SPLITS < 0.97


def test_too_few_non_members_are_refused_with_the_number_needed() -> None:
    with pytest.raises(InputError, match="Give at least 99 documents"):
        threshold(np.arange(98.0), 0.01)
    assert threshold(np.arange(99.0), 0.01).rank == 1
    # 0.29 x 100 is 28.999999999999996 in binary
    assert allowed_rank(99, 0.29) == 29
    with pytest.raises(ConfigError, match="between 0 and 1"):
        threshold(np.arange(9.0), 1.5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_bh_agrees_with_scipy(values: list[float]) -> None:
    np.testing.assert_allclose(adjust(np.array(values), "bh"), false_discovery_control(values), atol=1e-12)


def test_holm_by_hand() -> None:
    # sorted .01 .02 .04: times 3, 2, 1 = .03 .04 .04, running maximum
    np.testing.assert_allclose(adjust(np.array([0.04, 0.01, 0.02]), "holm"), [0.04, 0.03, 0.04])


@given(
    st.integers(2, 400),
    st.integers(1, 40),
    st.sampled_from(["0.01", "0.05", "0.1", "0.15", "0.3"]),
    st.data(),
)
def test_an_adjusted_p_value_that_equals_the_level_is_rejected(
    n0: int, suspects: int, alpha: str, data: st.DataObject
) -> None:
    ranks = data.draw(st.lists(st.integers(1, n0 + 1), min_size=suspects, max_size=suspects))
    ordered = sorted(ranks)
    exact = {
        "bh": [Fraction(rank * suspects, (n0 + 1) * place) for place, rank in enumerate(ordered, start=1)],
        "holm": [Fraction(rank * (suspects - place), n0 + 1) for place, rank in enumerate(ordered)],
    }
    for correction, scaled in exact.items():
        running = (
            list(accumulate(scaled[::-1], min))[::-1] if correction == "bh" else list(accumulate(scaled, max))
        )
        found = np.sort(adjust(np.array(ranks) / (n0 + 1), correction))
        assert [value <= float(alpha) for value in found] == [value <= Fraction(alpha) for value in running]


def test_three_suspects_above_nineteen_non_members_reach_one_in_twenty() -> None:
    # 1/20 x 3/3 is a bit more than 0.05 in binary
    assert (adjust(p_values(np.full(3, 99.0), np.arange(19.0)), "bh") <= 0.05).all()


def test_undefined_p_values_stay_and_are_not_counted() -> None:
    found = adjust(np.array([0.01, np.nan, 0.02]), "holm")
    assert np.isnan(found[1])
    np.testing.assert_allclose(found[[0, 2]], [0.02, 0.02])


def test_it_is_said_when_no_rejection_is_possible() -> None:
    assert impossible(99, 50, 0.05, "bh") is None
    said = impossible(99, 50, 0.05, "holm")
    assert said is not None
    assert "use bh" in said
    # and it is true: 50 suspects above all non-members
    p = p_values(np.full(50, 1e9), np.arange(99.0))
    assert (adjust(p, "holm") > 0.05).all()
    assert (adjust(p, "bh") <= 0.05).all()
    with pytest.raises(ConfigError, match="Did you mean 'holm'"):
        adjust(p, "holms")
