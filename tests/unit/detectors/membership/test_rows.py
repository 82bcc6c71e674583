"""Means of the lowest values of rows, against sorting them."""

from __future__ import annotations

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.membership.rows import lowest_means

ROW = st.lists(
    st.one_of(st.floats(-30, 0, width=32), st.sampled_from([-1.0, -0.5, 0.0, -np.inf])), max_size=40
)


@given(rows=st.lists(st.tuples(ROW, st.integers(0, 40)), max_size=6))
@settings(max_examples=examples(200))
def test_the_mean_of_the_lowest_is_that_of_the_sorted(rows: list[tuple[list[float], int]]) -> None:
    values = np.array([value for row, _ in rows for value in row], dtype=np.float32)
    offsets = np.cumsum([0, *(len(row) for row, _ in rows)])
    counts = np.array([min(count, len(row)) for row, count in rows], dtype=np.int64)
    expected = [
        np.mean(sorted(row)[:count]) if count else np.nan
        for (row, _), count in zip(rows, counts, strict=True)
    ]
    assert lowest_means(values, offsets, counts) == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_long_rows_of_any_order() -> None:
    values = np.random.default_rng(0).exponential(3.0, 5000)
    orders = [values, np.sort(values), -np.sort(-values), np.round(values), np.zeros(5000)]
    for row in orders:
        for count in (1, 2, 2500, 4999, 5000):
            (found,) = lowest_means(row, np.array([0, 5000]), np.array([count]))
            assert found == pytest.approx(np.sort(row)[:count].mean(), rel=1e-12)


def test_a_row_with_a_nan_has_no_mean_and_its_neighbours_do() -> None:
    values = np.array([-1.0, np.nan, -3.0, -2.0, -4.0])
    found = lowest_means(values, np.array([0, 3, 5]), np.array([1, 1]))
    assert np.isnan(found[0])
    assert found[1] == -4.0
