"""Tests of sets reject at their nominal rate without a difference, and find what they say they can find."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from datagov.errors import InputError
from detectors.statistics import set_tests
from detectors.statistics.mixture import mixture_test
from detectors.statistics.set_tests import minimum_detectable, permutation_p, rank_sum_p, self_test, set_test


def test_a_permutation_p_by_counting() -> None:
    # suspects {3}, others {1, 2}: of the 3 ways to choose, one reaches 3
    found = permutation_p(np.array([3.0]), np.array([1.0, 2.0]), permutations=9999, seed=1)
    assert found == pytest.approx(1 / 3, abs=0.02)
    assert permutation_p(np.full(3, 2.0), np.full(4, 2.0)) == 1.0


def test_null_tests_reject_at_their_nominal_rate() -> None:
    generator = np.random.default_rng(4)
    pool = generator.exponential(size=400)
    rejected = np.zeros(2)
    for trial in range(400):
        order = generator.permutation(400)
        sides = pool[order[:60]], pool[order[60:160]]
        rejected += rank_sum_p(*sides) <= 0.05, permutation_p(*sides, permutations=199, seed=trial) <= 0.05
    # 400 at 5 %: 20, with a standard deviation of 4.4
    assert (np.abs(rejected - 20) < 14).all()


def test_the_minimum_detectable_effect_is_found_four_times_in_five() -> None:
    count = 150
    target = minimum_detectable(count, count)
    assert 1.03 / (target - 0.5) ** 2 == pytest.approx(count, rel=0.02)
    # two normals whose AUROC is the target
    shift = np.sqrt(2) * norm.ppf(target)
    generator = np.random.default_rng(7)
    found = sum(
        rank_sum_p(generator.normal(shift, 1, count), generator.normal(0, 1, count)) <= 0.05
        for _ in range(600)
    )
    assert 0.75 < found / 600 < 0.85
    assert minimum_detectable(30, 3000) < minimum_detectable(30, 30)


def test_the_self_test_is_near_alpha_and_counts_ties() -> None:
    generator = np.random.default_rng(8)
    assert self_test(generator.normal(size=300)).rate == pytest.approx(0.05, abs=0.025)
    assert self_test(generator.integers(0, 3, 300).astype(float)).rate == pytest.approx(0.05, abs=0.025)
    assert self_test(np.zeros(50)).rejections == 0
    with pytest.raises(InputError, match="at least 8"):
        self_test(np.arange(7.0))


def test_a_self_test_of_many_is_drawn_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    known = np.random.default_rng(12).normal(size=50)
    whole = self_test(known)
    monkeypatch.setattr(set_tests, "CELLS", 350)
    assert self_test(known) == whole


def test_a_set_test_carries_what_it_rests_on() -> None:
    generator = np.random.default_rng(9)
    found = set_test(generator.normal(0.9, 1, 80), generator.normal(0, 1, 120))
    assert (found.suspects, found.non_members) == (80, 120)
    assert found.rank_sum_p < 0.01
    assert found.permutation_p < 0.01
    assert found.effect.value > found.minimum_detectable_auroc


def test_a_mix_weighs_what_tells_and_not_what_does_not() -> None:
    generator = np.random.default_rng(10)
    noise = generator.normal(size=(200, 3))
    noise[:100, 0] += 0.8
    noise[:100, 2] -= 0.8  # members score lower: a weight below 0 would use it
    found = mixture_test(noise[:100], noise[100:], ("tells", "noise", "misleads"), permutations=199)
    assert found.p_value == pytest.approx(1 / 200)
    assert found.weights[0] > 3 * found.weights[1]
    assert found.weights[2] == 0
    assert found.auroc > 0.65
    with pytest.raises(InputError, match="at least 10 suspects"):
        mixture_test(noise[:9], noise[100:], ("a", "b", "c"))


def test_a_null_mix_rejects_at_its_nominal_rate() -> None:
    generator = np.random.default_rng(11)
    rejected = 0
    for trial in range(60):
        values = generator.normal(size=(60, 4))
        found = mixture_test(values[:30], values[30:], tuple("abcd"), permutations=39, seed=trial)
        rejected += found.p_value <= 0.1
    # 60 at 10 %: 6, with a standard deviation of 2.3
    assert rejected <= 13
