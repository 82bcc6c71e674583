"""What is left of a score among documents that the blind check cannot tell apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from detectors.statistics.roc import auroc
from detectors.statistics.stratified import residual_auroc


def sides(memory: float, by_blind: float, seed: int, count: int = 400) -> tuple:
    """Scores that follow the blind score, and `memory` of the suspects beside it; suspects look later."""
    generator = np.random.default_rng(seed)
    blind = generator.normal(1.0, 1.0, count), generator.normal(0.0, 1.0, count)
    scores = tuple(
        by_blind * side + generator.normal(memory * mine, 1.0, count)
        for side, mine in zip(blind, (1, 0), strict=True)
    )
    return scores, blind


def test_a_score_that_only_follows_the_blind_score_has_little_left() -> None:
    scores, blind = sides(memory=0.0, by_blind=1.0, seed=0)
    assert auroc(*scores).low > 0.6
    found = residual_auroc(scores, blind)
    assert found is not None
    assert 0.45 < found.auroc < 0.6  # fifths are coarse: a little of the difference stays within them
    assert found.strata == 5
    assert min(found.suspects, found.non_members) > 350


def test_memory_stays_whatever_the_blind_score() -> None:
    scores, blind = sides(memory=1.0, by_blind=0.0, seed=1)
    found = residual_auroc(scores, blind)
    assert found is not None
    assert found.low < norm.cdf(1 / np.sqrt(2)) < found.high
    assert found.low > 0.5


def test_the_interval_holds_one_half_where_nothing_differs() -> None:
    held = 0
    for seed in range(200):
        scores, blind = sides(memory=0.0, by_blind=0.0, seed=seed, count=60)
        found = residual_auroc(scores, blind)
        assert found is not None
        held += found.low <= 0.5 <= found.high
    assert held >= 180  # 190 are expected, with a standard deviation of 3


@pytest.mark.parametrize("apart", [100, 18])
def test_sets_that_share_too_little_are_not_compared(apart: int) -> None:
    scores = np.arange(20.0), np.arange(20.0)
    assert residual_auroc(scores, (np.arange(20.0) + apart, np.arange(20.0))) is None


def test_documents_beyond_the_others_are_left_out() -> None:
    blind = np.arange(40.0), np.arange(40.0) + 20
    found = residual_auroc((np.arange(40.0) % 7, np.arange(40.0) % 7), blind)
    assert found is not None
    assert (found.suspects, found.non_members) == (20, 20)
    assert found.low < 0.5 < found.high
