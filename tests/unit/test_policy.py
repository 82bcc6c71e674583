"""Decisions as data, against a row-by-row oracle."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.errors import ConfigError, InputError
from datagov.policy import CROSSING, Bound, bound_from, crossings, values
from datagov.rule import RuleInfo

SIGNALS = ("a", "b", "c")
numbers = st.sampled_from([-1.0, -0.0, 0.0, 0.1, 0.3, 0.5, 1.0, 2.0, math.inf])
limits = st.none() | st.sampled_from([-1.0, 0.0, 0, 0.1, 0.3, 1, 2.0])


@st.composite
def bounds(draw: st.DrawFn) -> Bound:
    low, high = draw(limits), draw(limits)
    if low is not None and high is not None and low > high:
        low, high = high, low
    unbounded = low is None and high is None
    missing = "drop" if unbounded else draw(st.sampled_from(["keep", "drop"]))
    return Bound(draw(st.sampled_from(SIGNALS)), low, high, missing, "here")


def oracle(row: dict[str, float | None], policy: list[Bound]) -> list[dict]:
    crossed = []
    for bound in policy:
        value = row[bound.signal]
        if value is None:
            if bound.missing == "drop":
                crossed.append({"rule": bound.signal, "value": None, "bound": "missing", "limit": None})
        elif bound.min is not None and value < bound.min:
            crossed.append({"rule": bound.signal, "value": value, "bound": "min", "limit": bound.min})
        elif bound.max is not None and value > bound.max:
            crossed.append({"rule": bound.signal, "value": value, "bound": "max", "limit": bound.max})
    return crossed


@settings(max_examples=examples(150))
@given(
    rows=st.lists(st.fixed_dictionaries({name: st.none() | numbers for name in SIGNALS}), max_size=8),
    policy=st.lists(bounds(), max_size=6),
)
def test_crossings_equal_a_row_by_row_reading(rows: list[dict], policy: list[Bound]) -> None:
    columns = {name: pa.array([row[name] for row in rows], pa.float64()) for name in SIGNALS}
    crossed = crossings(columns, policy)
    assert crossed.type == pa.list_(CROSSING)
    assert crossed.null_count == 0
    assert crossed.to_pylist() == [oracle(row, policy) for row in rows]
    crossed.validate(full=True)


def test_every_crossed_bound_is_recorded_in_order() -> None:
    policy = [Bound("b", max=0), Bound("a", min=1), Bound("b", max=1), Bound("a", max=1)]
    columns = {"a": pa.array([0.0]), "b": pa.array([2.0])}
    assert [(c["rule"], c["bound"], c["limit"]) for c in crossings(columns, policy).to_pylist()[0]] == [
        ("b", "max", 0.0),
        ("a", "min", 1.0),
        ("b", "max", 1.0),
    ]


def test_zero_is_a_bound_and_limits_are_inclusive() -> None:
    crossed = crossings({"a": pa.array([-0.1, 0.0, 0.1])}, [Bound("a", min=0, max=0)]).to_pylist()
    assert [[c["bound"] for c in row] for row in crossed] == [["min"], [], ["max"]]


def test_a_ratio_equal_to_its_decimal_limit_is_kept() -> None:
    rule = RuleInfo("f", "n", "d", "x", "x", (0.0, 1.0), "x", "x")
    thousandths = list(range(1001))
    counts = pa.table({"n": [3 * t for t in thousandths], "d": [3000] * 1001})
    quotients = values(counts, [rule])["f"].to_pylist()
    assert quotients == [float(f"{t / 1000:.3f}") for t in thousandths]


def test_values_are_null_where_undefined() -> None:
    ratio = RuleInfo("ratio", "n", "d", "x", "x", (0.0, None), "x", "x")
    count = RuleInfo("count", "n", None, "x", "x", (0.0, None), "x", "x")
    batch = pa.record_batch({"n": pa.array([1, 0, None, 5, None]), "d": pa.array([2, 0, 3, None, 0])})
    for counts in (batch, pa.Table.from_batches([batch.slice(0, 2), batch.slice(2)])):
        result = values(counts, [ratio, count])
        assert result["ratio"].to_pylist() == [0.5, None, None, None, None]
        assert result["count"].to_pylist() == [1.0, 0.0, None, 5.0, None]
        assert result["ratio"].type == pa.float64()


def test_missing_fail_names_the_signal_and_row() -> None:
    columns = {"a": pa.array([1.0, None, None])}
    with pytest.raises(InputError, match=r"'a'.* 2 of 3 documents, the first at row 1"):
        crossings(columns, [Bound("a", min=0, missing="fail")])
    assert crossings({"a": pa.array([1.0])}, [Bound("a", min=0, missing="fail")]).to_pylist() == [[]]


def test_an_unmeasured_signal_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"Did you mean 'word_count'"):
        crossings({"word_count": pa.array([1.0])}, [Bound("word_cout", min=0)])


def test_no_bounds_cross_nothing() -> None:
    assert crossings({"a": pa.array([1.0, 2.0])}, []).to_pylist() == [[], []]
    assert crossings({"a": pa.array([], pa.float64())}, [Bound("a", min=0)]).to_pylist() == []


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"signal": "a", "min": 2, "max": 1}, "above max"),
        ({"signal": "a"}, "bounds nothing"),
        ({"signal": "a", "min": math.nan}, "finite"),
        ({"signal": "a", "min": "3"}, "finite"),
        ({"signal": "a", "min": True}, "finite"),
        ({"signal": "a", "min": 1, "missing": "kep"}, "Did you mean 'keep'"),
        ({"signal": "a", "mini": 1}, "Did you mean 'min'"),
        ({"min": 1}, "needs the key 'signal'"),
    ],
)
def test_wrong_bounds_are_refused(mapping: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        bound_from(mapping)
