from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.dedup.buckets import by_document, group, records
from datagov.dedup.elect import Election, elect
from datagov.dedup.jaccard import shingle_sets
from datagov.dedup.keeper import KeepPolicy
from datagov.dedup.minhash import Scheme, band_keys, has_shingles, signature_bytes, signatures
from datagov.errors import ConfigError, InputError

Csr = Callable[..., tuple[np.ndarray, np.ndarray]]


@dataclass
class Case:
    """Documents in keep order: their shingles and buckets as Python sets."""

    shingles: Sequence[set[int]]
    buckets: Sequence[set[int]]
    threshold: Fraction
    max_tries: int

    def jaccard(self, a: int, b: int) -> Fraction:
        together = self.shingles[a] | self.shingles[b]
        return Fraction(len(self.shingles[a] & self.shingles[b]), len(together)) if together else Fraction(0)

    def run(self, csr: Csr, signature: np.ndarray | None = None) -> Election:
        sets, set_offsets = csr([sorted(s) for s in self.shingles])
        ids, id_offsets = csr([sorted(b) for b in self.buckets], np.int64)
        rows = np.zeros((len(self.shingles), 0), np.uint8) if signature is None else signature
        return elect(
            sets, set_offsets, ids, id_offsets, rows, threshold=self.threshold, max_tries=self.max_tries
        )


@dataclass
class Oracle:
    keeper: list[int]
    budget_spent: list[bool]
    pairs: list[tuple[int, int, int, int, int]]


def plain_election(case: Case) -> Oracle:
    keeper = [-1] * len(case.shingles)
    spent = [False] * len(case.shingles)
    pairs = []
    for document, mine in enumerate(case.shingles):
        candidates = []
        for other in range(document):
            theirs = case.shingles[other]
            shared = len(case.buckets[document] & case.buckets[other])
            if keeper[other] >= 0 or not shared or not mine or not theirs:
                continue
            if Fraction(min(len(mine), len(theirs)), max(len(mine), len(theirs))) >= case.threshold:
                candidates.append((-shared, other))
        for tries, (shared, other) in enumerate(sorted(candidates)):
            if tries == case.max_tries:
                spent[document] = True
                break
            theirs = case.shingles[other]
            pairs.append((document, other, -shared, len(mine & theirs), len(mine | theirs)))
            if case.jaccard(document, other) >= case.threshold:
                keeper[document] = other
                break
    return Oracle(keeper, spent, pairs)


CASES = st.integers(0, 24).flatmap(
    lambda n: st.builds(
        Case,
        st.lists(st.sets(st.integers(0, 9), max_size=8), min_size=n, max_size=n),
        st.lists(st.sets(st.integers(-3, 3), max_size=5), min_size=n, max_size=n),
        st.sampled_from([Fraction(1, 3), Fraction(1, 2), Fraction(7, 10), Fraction(1)]),
        st.sampled_from([1, 2, 3, 64]),
    )
)


def check_invariants(case: Case, election: Election) -> None:
    for document in range(len(case.shingles)):
        keeper = int(election.keeper[document])
        assert election.removed[document] == (keeper >= 0)
        if keeper >= 0:
            assert keeper < document
            assert not election.removed[keeper]
            assert not election.budget_spent[document]
            assert case.jaccard(document, keeper) >= case.threshold
            assert case.buckets[document] & case.buckets[keeper]
    for a, b in combinations(np.flatnonzero(~election.removed).tolist(), 2):
        if case.buckets[a] & case.buckets[b] and case.jaccard(a, b) >= case.threshold:
            assert election.budget_spent[b]
    assert np.bincount(election.pair_a, minlength=1).max() <= case.max_tries


@settings(max_examples=examples(300))
@given(CASES)
def test_the_election_is_the_plain_one(csr: Csr, case: Case) -> None:
    election, expected = case.run(csr), plain_election(case)
    assert election.keeper.tolist() == expected.keeper
    assert election.budget_spent.tolist() == expected.budget_spent
    columns = (election.pair_a, election.pair_b, election.shared_bands, election.intersection, election.union)
    assert list(zip(*(c.tolist() for c in columns), strict=True)) == expected.pairs
    assert election.verified.tolist() == [Fraction(i, u) >= case.threshold for *_, i, u in expected.pairs]
    check_invariants(case, election)


@settings(max_examples=examples(60))
@given(CASES, st.integers(1, 10**9))
def test_bucket_numbers_mean_nothing(csr: Csr, case: Case, factor: int) -> None:
    renamed = Case(
        case.shingles, [{7 - b * factor for b in bs} for bs in case.buckets], case.threshold, case.max_tries
    )
    first, second = case.run(csr), renamed.run(csr)
    for field in fields(Election):
        assert getattr(first, field.name).tolist() == getattr(second, field.name).tolist()


def test_types_and_the_evidence_of_signatures(csr: Csr) -> None:
    case = Case([{1, 2, 3}, {1, 2, 3}, {9}], [{5}, {5}, {5}], Fraction(1, 2), 64)
    election = case.run(csr, np.array([[1, 2, 3], [1, 9, 3], [0, 0, 0]], np.uint8))
    assert (election.pair_a.tolist(), election.pair_b.tolist()) == ([1], [0])
    assert election.agreeing_rows.tolist() == [2]
    dtypes = {field.name: getattr(election, field.name).dtype for field in fields(Election)}
    assert [dtypes[name] for name in ("removed", "budget_spent", "verified")] == [bool] * 3
    assert [dtypes[name] for name in ("shared_bands", "agreeing_rows")] == [np.int32] * 2
    assert [dtypes[name] for name in ("keeper", "pair_a", "pair_b", "intersection", "union")] == [
        np.int64
    ] * 5


def test_a_chain_is_not_a_cluster(csr: Csr) -> None:
    # Each is 80 % like the next; the ends have nothing in common.
    window = [set(range(start, start + 18)) for start in range(0, 40, 2)]
    case = Case(window, [{0}] * len(window), Fraction(8, 10), 64)
    election = case.run(csr)
    assert election.removed.tolist() == [bool(i % 2) for i in range(len(window))]
    check_invariants(case, election)


def test_documents_without_shingles_match_nothing(csr: Csr) -> None:
    case = Case([set(), set(), {1}], [{0}, {0}, {0}], Fraction(1, 10), 64)
    election = case.run(csr)
    assert not election.removed.any()
    assert len(election.pair_a) == 0


def test_the_threshold_is_exact(csr: Csr) -> None:
    case = Case([set(range(10)), set(range(7))], [{0}, {0}], Fraction(7, 10), 64)
    assert case.run(csr).removed.tolist() == [False, True]
    case.threshold = Fraction("0.700000001")
    assert case.run(csr).removed.tolist() == [False, False]


def test_the_budget_bounds_the_tries_and_is_reported(csr: Csr) -> None:
    # 80 unlike documents in one bucket, then a copy of the last of them: tried after its budget.
    shingles = [set(range(i * 10, i * 10 + 10)) for i in range(80)]
    case = Case([*shingles, shingles[-1]], [{0}] * 81, Fraction(7, 10), 64)
    election = case.run(csr)
    assert not election.removed.any()
    assert np.flatnonzero(election.budget_spent).tolist() == list(range(65, 81))
    assert np.bincount(election.pair_a).max() == 64
    # One bucket more in common, and it is tried first.
    case.buckets = [*[{0}] * 79, {0, 1}, {0, 1}]
    election = case.run(csr)
    assert election.keeper[80] == 79
    assert election.shared_bands[-1] == 2
    assert election.pair_a.tolist().count(80) == 1


def test_a_size_that_rules_the_threshold_out_costs_no_try(csr: Csr) -> None:
    # Ten documents twice as long stand before the one that matches.
    long = [set(range(i * 100, i * 100 + 40)) for i in range(10)]
    case = Case([*long, set(range(5000, 5020)), set(range(5000, 5020))], [{0}] * 12, Fraction(7, 10), 1)
    election = case.run(csr)
    assert election.keeper[11] == 10
    assert not election.budget_spent[10:].any()


def from_shingles(rows: Sequence[Sequence[int]], doc_ids: Sequence[int], csr: Csr) -> dict[int, int]:
    """Run sketch, match and elect over documents in any order; return {removed id: keeper id}."""
    scheme = Scheme(14, 8, 5)
    shingles, offsets = csr(rows)
    signature = signatures(shingles, offsets, scheme)
    keys, members = records(band_keys(signature, scheme), has_shingles(offsets))
    order, starts = group(keys, members)
    table = pa.table(
        {
            "chars": [len(row) for row in rows],
            "doc_id": [doc_id.to_bytes(16, "big") for doc_id in doc_ids],
        }
    )
    best_first = KeepPolicy.parse("longest").order(table)
    place = np.empty(len(rows), dtype=np.int64)
    place[best_first] = np.arange(len(rows))
    bucket = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    sets, set_offsets = shingle_sets(*csr([rows[i] for i in best_first]))
    election = elect(
        sets,
        set_offsets,
        *by_document(bucket, place[members[order]], len(rows)),
        signature_bytes(signature)[best_first],
        threshold=0.7,
    )
    ids = np.array(doc_ids)[best_first]
    removed = np.flatnonzero(election.removed)
    return dict(zip(ids[removed].tolist(), ids[election.keeper[removed]].tolist(), strict=True))


def family(seed: int, base: int, members: int, own: int) -> list[list[int]]:
    """Make documents that share `base` shingles and have `own` of their own each."""
    rng = np.random.default_rng(seed)
    shared = rng.integers(0, 2**63, base).tolist()
    return [shared + rng.integers(0, 2**63, own + i % 7).tolist() for i in range(members)]


def test_the_order_of_the_input_makes_no_difference(csr: Csr) -> None:
    rows = family(1, 100, 40, 10) + family(2, 60, 30, 25) + family(3, 0, 30, 50)
    ids = list(range(1000, 1000 + len(rows)))
    expected = from_shingles(rows, ids, csr)
    assert len(expected) >= 30
    for seed in range(3):
        shuffled = np.random.default_rng(seed).permutation(len(rows))
        assert from_shingles([rows[i] for i in shuffled], [ids[i] for i in shuffled], csr) == expected


def test_a_template_of_a_thousand_distinct_documents_loses_none(csr: Csr) -> None:
    # A common frame of half of each document: J about 0.33, well below 0.7, all in one another's buckets.
    rows = family(5, 40, 1000, 40)
    sets, offsets = shingle_sets(*csr(rows))
    ids, id_offsets = csr([list(range(14))] * 1000, np.int64)
    rows_of_signature = np.zeros((1000, 4), np.uint8)
    election = elect(sets, offsets, ids, id_offsets, rows_of_signature, threshold=0.7)
    assert not election.removed.any()
    assert not election.verified.any()
    assert np.bincount(election.pair_a).max() == 64


def test_arguments_out_of_range(csr: Csr) -> None:
    case = Case([{1}], [{0}], Fraction(1, 2), 0)
    with pytest.raises(ConfigError, match="at least 1"):
        case.run(csr)
    wrong: Any = csr([[0], [0]], np.int64)
    with pytest.raises(InputError, match="an election of 1 documents"):
        elect(*csr([[1]]), *wrong, np.zeros((1, 4), np.uint8), threshold=0.5)
    nothing = Case([], [], Fraction(1, 2), 64).run(csr)
    assert len(nothing.removed) == len(nothing.pair_a) == 0
