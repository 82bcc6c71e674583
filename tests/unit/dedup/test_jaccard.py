from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.dedup.jaccard import as_fraction, intersection_size, jaccard_counts, reaches, shingle_sets
from datagov.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

# Clustered values as well as spread ones: sorting must not rely on hashes being even.
HASH = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 50), st.integers(2**64 - 20, 2**64 - 1))
DOCUMENTS = st.lists(st.lists(HASH, max_size=60), max_size=5)


@settings(max_examples=examples(100))
@given(DOCUMENTS)
def test_sets_are_sorted_and_distinct(csr: Callable[..., Any], documents: list[list[int]]) -> None:
    sets, offsets = shingle_sets(*csr(documents))
    got = [sets[a:b].tolist() for a, b in itertools.pairwise(offsets)]
    assert got == [sorted(set(d)) for d in documents]


@pytest.mark.parametrize("spread", [2**64 - 1, 1000, 3])
def test_large_documents_are_sorted_whatever_their_values(spread: int) -> None:
    values = np.random.default_rng(0).integers(0, spread, 30_000, dtype=np.uint64)
    sets, _ = shingle_sets(values, np.array([0, 30_000]))
    assert sets.tolist() == np.unique(values).tolist()


@settings(max_examples=examples(100))
@given(DOCUMENTS.filter(bool))
def test_counts_are_those_of_python_sets(csr: Callable[..., Any], documents: list[list[int]]) -> None:
    sets, offsets = shingle_sets(*csr(documents))
    a, b = (x.reshape(-1) for x in np.meshgrid(np.arange(len(documents)), np.arange(len(documents))))
    intersection, union = jaccard_counts(sets, offsets, a, b)
    for i, j, shared, together in zip(a, b, intersection, union, strict=True):
        first, second = set(documents[i]), set(documents[j])
        assert (shared, together) == (len(first & second), len(first | second))
        one, other = sets[offsets[i] : offsets[i + 1]], sets[offsets[j] : offsets[j + 1]]
        assert intersection_size(one, other) == shared


def test_thresholds_are_the_decimals_that_were_written() -> None:
    assert as_fraction(0.7) == Fraction(7, 10)
    assert as_fraction("0.85") == Fraction(17, 20)
    assert as_fraction(Fraction(2, 3)) == Fraction(2, 3)
    assert as_fraction(1) == 1
    # 0.7 the float is below seven tenths, 0.3 above three tenths: neither may matter.
    for tenths in range(1, 11):
        for scale in (1, 3, 10**8):
            assert reaches(np.array([tenths * scale]), np.array([10 * scale]), tenths / 10)[0]
            assert not reaches(np.array([tenths * scale - 1]), np.array([10 * scale]), tenths / 10)[0]


def test_two_empty_sets_are_not_alike() -> None:
    assert reaches(np.array([0]), np.array([0]), 0.1).tolist() == [False]


@pytest.mark.parametrize("wrong", [0, -0.5, 1.5, "much", float("nan"), 0.12345678912])
def test_other_thresholds_are_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError):
        as_fraction(wrong)


@pytest.mark.parametrize("document", [-1, 2])
def test_pairs_of_documents_that_are_not_there(csr: Callable[..., Any], document: int) -> None:
    with pytest.raises(InputError, match="not among the 2 given"):
        jaccard_counts(*csr([[1], [2]]), np.array([0]), np.array([document]))
