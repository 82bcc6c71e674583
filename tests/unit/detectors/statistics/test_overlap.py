"""Texts that stand on both sides are found: equal, near-duplicate, contained."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from datagov.errors import InputError
from datagov.ids import value_ids
from datagov.text.normal import normal_bytes
from detectors.statistics.overlap import near_duplicates, overlap, refuse_overlap

WORDS = [f"w{n}" for n in range(5000)]


def sentence(seed: int, words: int = 120) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def texts(*values: str) -> pa.LargeStringArray:
    return pa.array(values, pa.large_string())


def ids(values: pa.LargeStringArray) -> list[bytes | None]:
    return [None if value is None else value.bytes for value in value_ids(normal_bytes(values)).to_pylist()]


def test_near_duplicates_are_clustered_by_their_smallest_row() -> None:
    base = sentence(1)
    found = near_duplicates(texts(sentence(2), base, sentence(3), base + " and one more word", "", ""))
    assert found.tolist() == [0, 1, 2, 1, 4, 5]


def test_a_hundred_copies_are_one_cluster() -> None:
    found = near_duplicates(texts(*[sentence(1)] * 100, sentence(2)))
    assert found.tolist() == [0] * 100 + [100]


def test_each_kind_of_overlap_is_found() -> None:
    equal, near, whole = sentence(1), sentence(2), sentence(3, 400)
    suspects = texts(equal + "  ", near + " with an end", whole[: len(whole) // 2], sentence(4), "")
    calibration = texts(sentence(5), equal, near, whole)
    found = overlap(suspects, calibration, ids(suspects), ids(calibration))
    assert found.equal.tolist() == [0]
    assert found.near.tolist() == [0, 1]
    assert 2 in found.contained
    assert 3 not in found.rows
    assert found.shared_fraction[3] == 0
    assert np.isnan(found.shared_fraction[4])
    with pytest.raises(
        InputError, match=r"3 suspects stand among the known non-members \(1 equal, 2 near.*a, b, c"
    ):
        refuse_overlap(found, ["a", "b", "c", "d", "e"], "suspects.parquet")


def test_no_overlap_is_not_refused() -> None:
    suspects, calibration = texts(sentence(1), "甲乙丙"), texts(sentence(2), "丁戊己")
    found = overlap(suspects, calibration, ids(suspects), ids(calibration))
    refuse_overlap(found, ["a", "b"], "s")
    assert len(found.rows) == 0
