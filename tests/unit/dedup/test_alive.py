from __future__ import annotations

from itertools import product

import numpy as np
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.dedup.alive import Alive, copies

DOCUMENT = st.tuples(
    st.integers(0, 2), st.integers(0, 1), st.sampled_from([(False, False), (False, True), (True, True)])
)


def worlds(alive: Alive) -> list[np.ndarray]:
    """Every set of documents that may be alive."""
    open_ = np.flatnonzero(alive.possible & ~alive.sure)
    found = []
    for choice in product([False, True], repeat=len(open_)):
        world = alive.sure.copy()
        world[open_] = choice
        found.append(world)
    return found


def removed_of(high: np.ndarray, low: np.ndarray, place: np.ndarray, world: np.ndarray) -> np.ndarray:
    best: dict[tuple[int, int], int] = {}
    removed = np.zeros(len(place), bool)
    for at in sorted(np.flatnonzero(world), key=lambda at: place[at]):
        key = (int(high[at]), int(low[at]))
        removed[at] = key in best
        best.setdefault(key, at)
    return removed


@settings(max_examples=examples(150))
@given(documents=st.lists(DOCUMENT, max_size=8), data=st.data())
def test_copies_are_as_in_every_world_and_the_bounds_are_reached(
    documents: list, data: st.DataObject
) -> None:
    high = np.array([document[0] for document in documents], np.uint64)
    low = np.array([document[1] for document in documents], np.uint64)
    alive = Alive(
        np.array([document[2][0] for document in documents], bool),
        np.array([document[2][1] for document in documents], bool),
    )
    place = np.array(data.draw(st.permutations(range(len(documents)))), np.int64)
    certain, possible = copies(high, low, place, alive)
    left, (least, most) = alive.without(certain, possible)
    outcomes = [(world, removed_of(high, low, place, world)) for world in worlds(alive)]
    counts = [int(removed.sum()) for _, removed in outcomes]
    assert (min(counts), max(counts)) == (least, most)
    for world, removed in outcomes:
        after = world & ~removed
        assert not (left.sure & ~after).any()
        assert not (after & ~left.possible).any()
    if alive.exact:
        assert left.exact
