from __future__ import annotations

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.dedup.curve import PRESETS, curve, parameters_for, preset, probability, threshold
from datagov.errors import ConfigError


@pytest.mark.parametrize(
    ("bands", "rows", "jaccard", "expected"),
    [
        (14, 8, 0.75, 0.772),
        (14, 8, 0.8, 0.924),
        (20, 13, 0.8, 0.677),
        (26, 11, 0.8, 0.903),
        (9, 13, 0.8, 0.399),
    ],
)
def test_known_points(bands: int, rows: int, jaccard: float, expected: float) -> None:
    assert probability(jaccard, bands, rows) == pytest.approx(expected, abs=6e-4)


def test_ends() -> None:
    assert probability(0.0, 14, 8) == 0.0
    assert probability(1.0, 14, 8) == 1.0
    assert probability(1e-9, 14, 8) > 0
    with pytest.raises(ConfigError):
        probability(1.1, 14, 8)


def test_the_threshold_is_where_half_is_found() -> None:
    assert probability(threshold(14, 8), 14, 8) == pytest.approx(0.5)
    assert threshold(14, 8) == pytest.approx(0.684, abs=2e-3)


def test_the_table_rises_from_nothing_to_everything() -> None:
    points = curve(14, 8)
    assert [p.jaccard for p in points] == [i / 20 for i in range(21)]
    assert [p.found for p in points] == sorted(p.found for p in points)
    assert (points[0].found, points[-1].found) == (0.0, 1.0)


def brute_force(recall: float, jaccard: float, most: int) -> tuple[int, int] | None:
    for rows in range(most, 0, -1):
        for bands in range(1, most // rows + 1):
            if probability(jaccard, bands, rows) >= recall:
                return bands, rows
    return None


@settings(max_examples=examples(60))
@given(st.floats(0.05, 0.999), st.floats(0.05, 0.99), st.integers(1, 120))
def test_the_choice_is_the_steepest_that_reaches_the_recall(recall: float, jaccard: float, most: int) -> None:
    expected = brute_force(recall, jaccard, most)
    if expected is None:
        with pytest.raises(ConfigError, match="allow more permutations"):
            parameters_for(recall, jaccard, most)
    else:
        assert parameters_for(recall, jaccard, most) == expected


def test_presets_are_cited_and_known_by_name() -> None:
    assert all(p.source and p.shingle for p in PRESETS.values())
    assert (preset("fineweb").bands, preset("fineweb").rows, preset("fineweb").permutations) == (14, 8, 112)
    assert (preset("map-cc").bands, preset("map-cc").rows, preset("map-cc").k) == (9, 13, 13)
    with pytest.raises(ConfigError, match="Did you mean 'fineweb'"):
        preset("finewed")


@pytest.mark.parametrize(("recall", "jaccard"), [(0, 0.8), (1, 0.8), (0.9, 0), (0.9, 1)])
def test_certainty_is_not_on_offer(recall: float, jaccard: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        parameters_for(recall, jaccard, 128)
