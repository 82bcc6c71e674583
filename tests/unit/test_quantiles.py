"""Quantiles: exact, from counts, and the range they can take when some values may be missing."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.errors import ConfigError
from datagov.policy import Bound, bound_from
from datagov.quantiles import Quantile, quantile_between, quantile_of

values = st.lists(st.integers(0, 6).map(float), max_size=30)
quantiles = st.sampled_from([0.000001, 0.05, 0.1, 0.25, 0.3, 0.5, 0.7, 0.9, 0.999999]).map(Quantile)


def plainly(found: list[float], quantile: Quantile) -> float | None:
    """The smallest value that at least that share of the values does not exceed."""
    top, bottom = quantile.ratio
    return min((v for v in found if bottom * sum(x <= v for x in found) >= top * len(found)), default=None)


@settings(max_examples=examples(200))
@given(found=values, quantile=quantiles)
def test_a_quantile_is_one_of_the_values(found: list[float], quantile: Quantile) -> None:
    distinct, counts = np.unique(found, return_counts=True)
    assert quantile_of(distinct, counts, quantile) == plainly(found, quantile)


@settings(max_examples=examples(150))
@given(
    sure=st.lists(st.integers(0, 5).map(float), max_size=7),
    unsure=st.lists(st.integers(0, 5).map(float), max_size=6),
    quantile=quantiles,
)
def test_no_choice_of_values_gives_a_quantile_outside(
    sure: list[float], unsure: list[float], quantile: Quantile
) -> None:
    chosen = [
        plainly([*sure, *some], quantile) for n in range(len(unsure) + 1) for some in combinations(unsure, n)
    ]
    reached = [limit for limit in chosen if limit is not None]
    between = quantile_between(np.array(sure), np.array(unsure), quantile)
    assert between == (min(reached, default=None), max(reached, default=None))


def test_decimals_count_as_written() -> None:
    """0.1 x 30 is 3.0000000000000004 in binary; the rank is 3 all the same."""
    assert quantile_of(np.arange(30.0), np.ones(30, np.int64), Quantile(0.1)) == 2.0


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"quantile": 0}, "between 0 and 1"),
        ({"quantile": 1.0}, "between 0 and 1"),
        ({"quantile": True}, "between 0 and 1"),
        ({"quantile": "0.5"}, "between 0 and 1"),
        ({"quantile": 0.1234567}, "at most 6 decimals"),
        ({"quantile": 0.5, "by": "sauce"}, "Did you mean 'source'"),
        ({"quantil": 0.5}, "Did you mean 'quantile'"),
        ({"by": "source"}, "needs the key 'quantile'"),
    ],
)
def test_what_is_no_quantile_is_refused(limit: dict, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bound_from({"signal": "word_count", "min": limit})
    assert "word_count" in caught.value.message
    assert message in caught.value.message


def test_quantiles_are_compared_with_quantiles() -> None:
    assert Bound("a", Quantile(0.9), 3.0).quantiles == {"min": Quantile(0.9)}
    with pytest.raises(ConfigError, match=r"min 0\.9 is above max 0\.1"):
        Bound("a", Quantile(0.9), Quantile(0.1))
