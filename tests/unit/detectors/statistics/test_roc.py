"""AUROC, operating points and predictive values against oracles, and intervals by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from datagov.errors import InputError
from detectors.statistics import roc
from detectors.statistics.pairing import paired_auroc
from detectors.statistics.roc import auroc, clopper_pearson, curve, operating_point, predictive_value

scores = st.lists(st.integers(-5, 5), min_size=2, max_size=40).map(lambda values: np.array(values, float))


@given(scores, scores)
def test_the_auroc_is_the_share_of_pairs(members: np.ndarray, others: np.ndarray) -> None:
    found = auroc(members, others)
    truth = np.concatenate([np.ones(len(members)), np.zeros(len(others))])
    assert found.value == pytest.approx(roc_auc_score(truth, np.concatenate([members, others])))
    assert 0 <= found.low <= found.value <= found.high <= 1
    flipped = auroc(-members, -others)
    assert flipped.value == pytest.approx(1 - found.value)
    assert flipped.low == pytest.approx(1 - found.high)
    fpr, tpr = curve(members, others)
    assert np.trapezoid(tpr, fpr) == pytest.approx(found.value)


def test_delong_by_hand() -> None:
    # members 2, 4; others 1, 3: placements of members 1/2, 1; of others 1, 1/2; AUROC 3/4
    # variance = var(1/2, 1)/2 + var(1, 1/2)/2 = 0.125/2 + 0.125/2 = 0.125
    found = auroc(np.array([2.0, 4.0]), np.array([1.0, 3.0]))
    step = 1.959963984540054 * np.sqrt(0.125) / (0.75 * 0.25)
    assert found.value == 0.75
    assert found.high == pytest.approx(1 / (1 + np.exp(-(np.log(3) + step))))
    assert found.method == "delong"


@pytest.mark.parametrize(("shift", "count"), [(0.0, 30), (0.8, 30), (2.0, 60)])
def test_intervals_hold_the_truth_95_times_in_100(shift: float, count: int) -> None:
    from scipy.stats import norm

    generator = np.random.default_rng(3)
    truth, held = norm.cdf(shift / np.sqrt(2)), 0
    for _ in range(600):
        found = auroc(generator.normal(shift, 1, count), generator.normal(0, 1, count))
        held += found.low <= truth <= found.high
    assert 0.925 <= held / 600 <= 0.985


def test_scores_parted_without_overlap_still_get_an_interval() -> None:
    found = auroc(np.arange(10.0) + 20, np.arange(12.0))
    assert (found.value, found.high, found.method) == (1.0, 1.0, "newcombe")
    assert 0.6 < found.low < 1
    wider = auroc(np.arange(3.0) + 20, np.arange(3.0))
    assert wider.low < found.low


def test_clusters_widen_the_interval() -> None:
    generator = np.random.default_rng(1)
    books = np.repeat(np.arange(12), 20)
    members = np.repeat(generator.normal(0.7, 1, 12), 20) + generator.normal(0, 0.1, 240)
    others = np.repeat(generator.normal(0, 1, 12), 20) + generator.normal(0, 0.1, 240)
    alone, together = auroc(members, others), auroc(members, others, clusters=(books, books))
    assert together.value == alone.value
    assert together.method == "cluster_bootstrap"
    assert together.high - together.low > 2 * (alone.high - alone.low)
    singles = auroc(members, others, clusters=(np.arange(240), np.arange(240)))
    assert singles == alone


def test_clusters_are_resampled_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    books, scores = np.repeat(np.arange(10), 3), generator.normal(size=(2, 30)).round(1)
    whole = auroc(*scores, clusters=(books, books))
    monkeypatch.setattr(roc, "CELLS", 700)
    assert auroc(*scores, clusters=(books, books)) == whole
    drawn = [generator.integers(0, 10, (2, 10)) for _ in range(4000)]
    plain = [
        auroc_of(scores[0].reshape(10, 3)[one].ravel(), scores[1].reshape(10, 3)[other].ravel())
        for one, other in drawn
    ]
    assert (whole.low, whole.high) == pytest.approx(tuple(np.quantile(plain, [0.025, 0.975])), abs=0.02)


def auroc_of(members: np.ndarray, others: np.ndarray) -> float:
    return float(((members[:, None] > others) + (members[:, None] == others) / 2).mean())


def test_an_operating_point_takes_the_largest_rate_not_above_the_asked() -> None:
    others, members = np.arange(1.0, 41), np.array([39.5, 38.5, 40.5, 10.0])
    # floor(0.05 * 40) = 2 may exceed: the edge is 38
    point = operating_point(members, others, 0.05)
    assert point is not None
    assert (point.false_positives, point.fpr, point.true_positives) == (2, 0.05, 3)
    assert (point.tpr_low, point.tpr_high) == clopper_pearson(3, 4)
    assert operating_point(members, others, 0.01) is None


def test_tied_non_members_are_not_exceeded_in_part() -> None:
    # four of forty share the top: allowing 2 means allowing none of them
    others = np.append(np.zeros(36), np.ones(4))
    point = operating_point(np.array([1.0, 2.0]), others, 0.05)
    assert point is not None
    assert (point.false_positives, point.true_positives) == (0, 1)


@given(st.integers(1, 50), st.data())
def test_clopper_pearson_agrees_with_scipy(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    exact = binomtest(successes, trials).proportion_ci(method="exact")
    assert clopper_pearson(successes, trials) == pytest.approx((exact.low, exact.high))


def test_predictive_values_of_the_literature() -> None:
    assert predictive_value(0.10, 0.01, 0.1) == pytest.approx(0.526, abs=1e-3)
    assert predictive_value(0.10, 0.01, 0.01) == pytest.approx(0.092, abs=1e-3)
    assert predictive_value(0.0, 0.0, 0.5) is None


def test_one_document_is_too_few() -> None:
    with pytest.raises(InputError, match="there are 1 and 5"):
        auroc(np.array([1.0]), np.arange(5.0))


def test_a_control_that_sees_the_same_leaves_nothing() -> None:
    generator = np.random.default_rng(2)
    shift = generator.normal(1, 1, 200), generator.normal(0, 1, 200)
    noise = [side + generator.normal(0, 0.2, 200) for side in shift]
    same = paired_auroc((shift[0], noise[0]), (shift[1], noise[1]))
    assert same.target > 0.7
    assert same.low is not None
    assert same.high is not None
    assert same.low < 0 < same.high
    better = paired_auroc((shift[0] + 1, noise[0]), (shift[1], noise[1]))
    assert better.low is not None
    assert better.low > 0
    assert better.p_value is not None
    assert better.p_value < 1e-3
    equal = paired_auroc((shift[0], shift[0]), (shift[1], shift[1]))
    assert (equal.difference, equal.p_value) == (0.0, None)
