from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.dedup.buckets import by_document, group, records, split, star_edges
from datagov.errors import ConfigError, InputError

RECORDS = st.lists(st.tuples(st.sampled_from([0, 1, 5, 2**63, 2**64 - 1]), st.integers(0, 8)), max_size=40)


def arrays(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([k for k, _ in rows], dtype=np.uint64), np.array([m for _, m in rows], dtype=np.int64)


def as_dict(keys: np.ndarray, members: np.ndarray) -> dict[int, list[int]]:
    order, starts = group(keys, members)
    buckets = [order[a:b] for a, b in itertools.pairwise(starts)]
    for bucket in buckets:
        assert len(set(keys[bucket].tolist())) == 1
    return {int(keys[bucket[0]]): members[bucket].tolist() for bucket in buckets}


@settings(max_examples=examples(100))
@given(RECORDS, st.randoms(use_true_random=False))
def test_buckets_are_the_keys_with_two_members(rows: list[tuple[int, int]], random: object) -> None:
    expected: defaultdict[int, set[int]] = defaultdict(set)
    for key, member in rows:
        expected[key].add(member)
    wanted = {key: sorted(members) for key, members in sorted(expected.items()) if len(members) > 1}
    assert as_dict(*arrays(rows)) == wanted
    assert list(as_dict(*arrays(rows))) == list(wanted)
    shuffled = sorted(rows, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert as_dict(*arrays(shuffled)) == wanted


@settings(max_examples=examples(60))
@given(RECORDS)
def test_star_edges_connect_every_bucket(rows: list[tuple[int, int]]) -> None:
    keys, members = arrays(rows)
    order, starts = group(keys, members)
    a, b = star_edges(order, starts, members)
    expected = [(bucket[0], other) for bucket in as_dict(keys, members).values() for other in bucket[1:]]
    assert list(zip(a.tolist(), b.tolist(), strict=True)) == expected


def test_records_leave_out_documents_without_shingles() -> None:
    keys, rows = records(np.arange(6, dtype=np.uint64).reshape(3, 2), np.array([True, False, True]))
    assert keys.tolist() == [0, 1, 4, 5]
    assert rows.tolist() == [0, 0, 2, 2]


def test_memberships_by_document() -> None:
    ids, offsets = by_document(np.array([7, 3, 3, 9]), np.array([2, 2, 0, 0]), 4)
    assert offsets.tolist() == [0, 2, 2, 4, 4]
    assert ids.tolist() == [3, 9, 3, 7]


def test_keys_and_members_go_together() -> None:
    with pytest.raises(InputError, match="2 keys for 1 members"):
        group(np.zeros(2, np.uint64), np.zeros(1, np.int64))


def python_split(members: list[int], rows: dict[int, list[int]], cap: int, row: int = 0) -> list[list[int]]:
    if len(members) <= cap or row == len(rows[members[0]]):
        return [sorted(members)] if len(members) > 1 else []
    parts = defaultdict(list)
    for member in members:
        parts[rows[member][row]].append(member)
    return [part for members in parts.values() for part in python_split(members, rows, cap, row + 1)]


@settings(max_examples=examples(100))
@given(
    st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=2, max_size=30), st.integers(2, 6)
)
def test_splitting_parts_by_row_until_the_cap(rows: list[list[int]], cap: int) -> None:
    members = np.arange(len(rows))[::-1] * 10
    byte_MP = np.array(rows, dtype=np.uint8)
    order, starts, keys = split(99, members, byte_MP, cap=cap)
    got = [members[order[a:b]].tolist() for a, b in itertools.pairwise(starts)]
    expected = python_split(members.tolist(), dict(zip(members.tolist(), rows, strict=True)), cap)
    assert sorted(got) == sorted(expected)
    assert len(set(keys.tolist())) == len(keys) == len(got)

    again = np.random.default_rng(0).permutation(len(rows))
    order, starts, keys_again = split(99, members[again], byte_MP[again], cap=cap)
    assert [members[again][order[a:b]].tolist() for a, b in itertools.pairwise(starts)] == got
    assert keys_again.tolist() == keys.tolist()


def test_a_bucket_of_one_makes_no_sense() -> None:
    with pytest.raises(ConfigError, match="cap is 1"):
        split(1, np.arange(3), np.zeros((3, 2), np.uint8), cap=1)
