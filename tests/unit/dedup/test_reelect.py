"""The election without texts, against the election with them, in every world that the unknown leaves open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from test_alive import worlds

from datagov.dedup.alive import Alive
from datagov.dedup.elect import Election, elect
from datagov.dedup.reelect import Compared, Earlier, Reelection, reelect
from datagov.errors import ConfigError, InputError

Csr = Callable[..., tuple[np.ndarray, np.ndarray]]


@dataclass
class Case:
    """Documents in keep order, and an election that was held among some of them."""

    csr: Csr
    shingles: list[set[int]]
    buckets: list[set[int]]
    was_alive: np.ndarray
    was_threshold: Fraction
    was_tries: int

    def elected(self, world: np.ndarray, threshold: Fraction, tries: int) -> tuple[np.ndarray, Election]:
        """The documents of a world, and their election."""
        at = np.flatnonzero(world)
        sets, set_offsets = self.csr([sorted(self.shingles[i]) for i in at])
        ids, id_offsets = self.csr([sorted(self.buckets[i]) for i in at], np.int64)
        rows = np.zeros((len(at), 0), np.uint8)
        return at, elect(sets, set_offsets, ids, id_offsets, rows, threshold=threshold, max_tries=tries)

    def again(self, alive: Alive, threshold: Fraction, tries: int, *, forget: bool = False) -> Reelection:
        at, held = self.elected(self.was_alive, self.was_threshold, self.was_tries)
        pairs = at[held.pair_a], at[held.pair_b], held.shared_bands.astype(np.int64)
        kept, spent = self.was_alive.copy(), np.zeros(len(self.shingles), bool)
        kept[at[held.removed]] = False
        spent[at] = held.budget_spent
        earlier = Earlier.held(self.was_alive, kept, spent, pairs)
        if forget or self.was_threshold > threshold:
            earlier = Earlier.nothing(len(self.shingles))
        ids, id_offsets = self.csr([sorted(own) for own in self.buckets], np.int64)
        tried = np.full(len(held.pair_a), self.was_threshold >= threshold)
        return reelect(
            ids,
            id_offsets,
            alive,
            Compared(pairs[1], pairs[0], held.intersection, held.union, tried),
            earlier,
            threshold=threshold,
            max_tries=tries,
        )


SOME_THRESHOLDS = [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)]
THRESHOLDS = st.sampled_from(SOME_THRESHOLDS)
DOCUMENT = st.tuples(
    st.sets(st.integers(0, 5), min_size=1, max_size=5),
    st.sets(st.integers(0, 3), max_size=3),
    st.booleans(),
    st.sampled_from([(False, False), (False, True), (True, True), (True, True), (True, True)]),
)


def check(case: Case, alive: Alive, now: tuple[Fraction, int], *, forget: bool = False) -> None:
    """Hold the election in every world, and see that the answer holds there."""
    found = case.again(alive, *now, forget=forget)
    left, (least, most) = alive.without(found.certain, found.possible)
    for world in worlds(alive):
        at, held = case.elected(world, *now)
        after = world.copy()
        after[at[held.removed]] = False
        assert not (left.sure & ~after).any()
        assert not (after & ~left.possible).any()
        assert least <= held.removed.sum() <= most
        if left.exact and alive.exact:
            assert least == most == held.removed.sum()
    if found.unknown_pairs:
        assert (found.possible & ~found.certain).any()


@settings(max_examples=examples(300))
@given(
    documents=st.lists(DOCUMENT, max_size=9),
    was=st.tuples(THRESHOLDS, st.integers(1, 4)),
    now=st.tuples(THRESHOLDS, st.integers(1, 4)),
    forget=st.booleans(),
)
def test_the_truth_lies_inside_in_every_world(
    csr: Csr, documents: list[Any], was: tuple[Fraction, int], now: tuple[Fraction, int], forget: bool
) -> None:
    case = Case(
        csr,
        [document[0] for document in documents],
        [document[1] for document in documents],
        np.array([document[2] for document in documents], bool),
        *was,
    )
    alive = Alive(*(np.array([document[3][side] for document in documents], bool) for side in (0, 1)))
    check(case, alive, now, forget=forget)


CROWDED = st.integers(0, 2**32)
"""Seed of documents that mostly share buckets, so that budgets of one or two tries bind."""


@settings(max_examples=examples(400))
@given(seed=CROWDED)
def test_the_truth_lies_inside_where_budgets_bind(csr: Csr, seed: int) -> None:
    random = Random(seed)
    count = random.randint(4, 9)
    shingles = [set(random.sample(range(7), random.choice([1, 2, 3, 3, 4, 6]))) for _ in range(count)]
    buckets = [{0, *random.sample(range(1, 4), random.randrange(3))} for _ in range(count)]
    was_alive = np.array([random.random() < 0.8 for _ in range(count)])
    possible = np.array([random.random() < 0.9 for _ in range(count)])
    sure = possible & np.array([random.random() < 0.8 for _ in range(count)])
    rules = [(random.choice(SOME_THRESHOLDS), random.randint(1, 2)) for _ in range(2)]
    check(Case(csr, shingles, buckets, was_alive, *rules[0]), Alive(sure, possible), rules[1])


@settings(max_examples=examples(150))
@given(documents=st.lists(DOCUMENT, max_size=10), rule=st.tuples(THRESHOLDS, st.integers(1, 4)))
def test_the_same_election_is_repeated_exactly(
    csr: Csr, documents: list[Any], rule: tuple[Fraction, int]
) -> None:
    """What was passed over for its size is inferred, so nothing is unknown when nothing changes."""
    shingles, buckets = ([document[side] for document in documents] for side in (0, 1))
    world = np.array([document[2] for document in documents], bool)
    case = Case(csr, shingles, buckets, world, *rule)
    found = case.again(Alive(world, world), *rule)
    at, held = case.elected(world, *rule)
    assert found.unknown_pairs == 0
    assert np.flatnonzero(found.certain & world).tolist() == at[held.removed].tolist()
    assert (found.certain == found.possible).all()


def one_pair(csr: Csr, *, compared: bool, tries: int = 4) -> Reelection:
    ids, offsets = csr([[0], [0]], np.int64)
    pair = [np.array([value] if compared else [], np.int64) for value in (1, 0, 3, 4)]
    both = np.ones(2, bool)
    return reelect(
        ids,
        offsets,
        Alive(both, both),
        Compared(*pair, np.array([True] if compared else [], bool)),
        Earlier.nothing(2),
        threshold="0.7",
        max_tries=tries,
    )


def test_a_pair_never_compared_is_counted_and_leaves_one_document_open(csr: Csr) -> None:
    known, unknown = one_pair(csr, compared=True), one_pair(csr, compared=False)
    assert (known.certain.tolist(), known.possible.tolist(), known.unknown_pairs) == ([0, 1], [0, 1], 0)
    assert (unknown.certain.tolist(), unknown.possible.tolist(), unknown.unknown_pairs) == ([0, 0], [0, 1], 1)


def test_wrong_arguments_are_refused(csr: Csr) -> None:
    with pytest.raises(ConfigError, match="max_tries"):
        one_pair(csr, compared=True, tries=0)
    three = np.ones(3, bool)
    nothing = Compared(*[np.zeros(0, np.int64)] * 4, np.zeros(0, bool))
    with pytest.raises(InputError, match="election of 2"):
        reelect(
            *csr([[0], [0]], np.int64),
            Alive(three, three),
            nothing,
            Earlier.nothing(2),
            threshold=0.5,
            max_tries=1,
        )
