from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.dedup.keeper import KeepPolicy
from datagov.errors import ConfigError, InputError


def doc_ids(n: int) -> list[bytes]:
    return [(i * 0x9E3779B97F4A7C15 % 2**128).to_bytes(16, "big") for i in range(n)]


def order(policy: Any, **columns: Any) -> list[int]:
    n = len(next(iter(columns.values())))
    table = pa.table({"doc_id": pa.array([bytes(15) + bytes([i]) for i in range(n)]), **columns})
    return KeepPolicy.parse(policy).order(table).tolist()


def test_one_word() -> None:
    assert order("longest", chars=[3, 9, None, 9]) == [1, 3, 0, 2]
    assert order("shortest", chars=[3, 9, None, 9]) == [0, 1, 3, 2]
    assert order("first", ordinal=[3, 1, 2, 0]) == [3, 1, 2, 0]


def test_listed_values_come_first_then_others_then_null() -> None:
    source = ["web", None, "forum", "wiki", "books", "web"]
    assert order({"source": ["wiki", "books", "web"]}, source=source) == [3, 4, 0, 5, 2, 1]
    as_dictionary = pa.array(source).dictionary_encode()
    assert order({"source": ["wiki", "books", "web"]}, source=as_dictionary) == [3, 4, 0, 5, 2, 1]
    assert order({"year": [2021, 2020]}, year=[2020, 2021, 2022]) == [1, 0, 2]
    assert order({"source": ["wiki"]}, source=pa.nulls(2)) == [0, 1]


def test_newest_and_oldest() -> None:
    dates = [dt.date(2020, 1, 1), None, dt.date(2024, 5, 1)]
    for column in (dates, ["2020-01-01", None, "2024-05-01"], [1, None, 2]):
        assert order({"newest": "date"}, date=column) == [2, 0, 1]
        assert order({"oldest": "date"}, date=column) == [0, 2, 1]


def test_max_and_min_put_nan_last() -> None:
    scores = [0.5, float("nan"), None, 0.9, float("-inf")]
    assert order([{"max": "score"}], score=scores) == [3, 0, 4, 1, 2]
    assert order([{"min": "score"}], score=scores) == [4, 0, 3, 1, 2]


def test_ties_go_to_the_smaller_id_as_bytes() -> None:
    ids = [b"\xff" * 16, b"\x00" * 16, b"\x80" + b"\x00" * 15, b"\x7f" * 16]
    expected = [1, 3, 2, 0]
    for column in (pa.array(ids), pa.array(ids, pa.binary(16)), pa.array(ids, pa.uuid())):
        table = pa.table({"doc_id": column, "chars": [1, 1, 1, 1]})
        assert KeepPolicy.parse("longest").order(table).tolist() == expected


ROW = st.tuples(st.sampled_from(["wiki", "web", "x", None]), st.integers(0, 3), st.none() | st.integers(0, 2))


@settings(max_examples=examples(80))
@given(st.lists(ROW, max_size=20), st.randoms(use_true_random=False))
def test_criteria_apply_one_after_the_other(rows: list[tuple[Any, int, Any]], random: Any) -> None:
    policy = KeepPolicy.parse([{"source": ["wiki", "web"]}, "longest", {"oldest": "date"}])
    assert policy.columns == ("source", "date")
    ids = doc_ids(len(rows))

    def key(i: int) -> tuple[Any, ...]:
        source, chars, date = rows[i]
        rank = {"wiki": 0, "web": 1, None: 3}.get(source, 2)
        return rank, -chars, (date is None, date or 0), ids[i]

    expected = sorted(range(len(rows)), key=key)
    for shuffled in (list(range(len(rows))), random.sample(range(len(rows)), len(rows))):
        table = pa.table(
            {
                "source": pa.array([rows[i][0] for i in shuffled], pa.string()),
                "chars": pa.array([rows[i][1] for i in shuffled], pa.int64()),
                "date": pa.array([rows[i][2] for i in shuffled], pa.int32()),
                "doc_id": pa.array([ids[i] for i in shuffled], pa.binary(16)),
            }
        )
        got = policy.order(table)
        assert got.dtype == np.int64
        assert [shuffled[i] for i in got] == expected


def test_policies_are_written_as_they_are_read() -> None:
    value = [{"source": ["wiki", "books"]}, "longest", {"newest": "date"}, {"max": "score"}, "first"]
    policy = KeepPolicy.parse(value)
    assert policy.to_value() == value
    assert KeepPolicy.parse(policy.to_value()) == policy
    assert policy.columns == ("source", "date", "score")
    # A column may be called as a verb is: a list of values says which is meant.
    assert KeepPolicy.parse({"newest": ["a"]}).columns == ("newest",)
    assert KeepPolicy.parse({"max": "chars"}).columns == ("chars",)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("longst", "Did you mean 'longest'"),
        ("newest", "needs a column"),
        ({"newset": "date"}, "Did you mean 'newest'"),
        ({"source": []}, "is not a criterion"),
        ({"a": ["x"], "b": ["y"]}, "one key"),
        ({"source": ["x", "x"]}, "listed twice"),
        ([], "at least one"),
        (7, "is not a criterion"),
    ],
)
def test_other_policies_are_refused(value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        KeepPolicy.parse(value)


def test_columns_that_cannot_be_compared() -> None:
    with pytest.raises(ConfigError, match=r"no column 'dat'.*Did you mean 'date'"):
        order({"newest": "dat"}, date=[1, 2])
    with pytest.raises(ConfigError, match="max cannot compare column 'name' of type string"):
        order({"max": "name"}, name=["a", "b"])
    with pytest.raises(ConfigError, match="not of its type int64"):
        order({"year": ["x"]}, year=[1, 2])


def test_ids_are_unique() -> None:
    with pytest.raises(InputError, match="same doc_id"):
        KeepPolicy.parse("first").order(pa.table({"doc_id": [b"a" * 16] * 2, "ordinal": [0, 1]}))
