"""Rows of distinct strings: the best finding of each, and how many there are."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from detectors.commands.fingerprint import SHOWN, first_of
from detectors.fingerprint.distinct import one_a_string


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9))))
def test_the_first_of_each_string_comes_in_order(pairs: list[tuple[str, int]]) -> None:
    rows = [{"string": string, "place": place} for string, place in pairs]
    found = one_a_string(rows, lambda row: row["place"])
    assert {row["string"] for row in found} == {string for string, _ in pairs}
    assert [row["place"] for row in found] == sorted(row["place"] for row in found)
    for row in found:
        own = [place for string, place in pairs if string == row["string"]]
        assert (row["place"], row["entries"]) == (min(own), len(own))


def test_a_string_is_shown_by_either_rank_and_once() -> None:
    many = 2 * SHOWN
    sure = [{"string": f"sure {at // 2}", "score_rank": at + 1, "bits_rank": None} for at in range(many)]
    # One text has the first places by bits, and a rank by confidence that comes after all others.
    bits = [
        {"string": "text", "score_rank": many + 1 if at == 0 else None, "bits_rank": at + 1}
        for at in range(many)
    ]
    rest = [{"string": f"more {at}", "score_rank": None, "bits_rank": many + at + 1} for at in range(many)]
    found = first_of(pa.Table.from_pylist([*sure, *bits, *rest]))
    expected = {f"sure {at}" for at in range(SHOWN)} | {"text"} | {f"more {at}" for at in range(SHOWN - 1)}
    assert {row["string"] for row in found} == expected
    assert len(found) == len(expected)
    assert next(row for row in found if row["string"] == "text")["entries"] == many
    assert next(row for row in found if row["string"] == "sure 3")["entries"] == 2
