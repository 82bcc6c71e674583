from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.dedup.curve import probability
from datagov.dedup.jaccard import jaccard_counts, shingle_sets
from datagov.dedup.minhash import (
    Scheme,
    agreeing_rows,
    band_keys,
    estimate,
    has_shingles,
    minima,
    permutation_parameters,
    signature_bytes,
    signatures,
)
from datagov.dedup.minima import halves, products
from datagov.errors import ConfigError

MASK = (1 << 64) - 1
Make = Callable[..., tuple[np.ndarray, np.ndarray]]


@settings(max_examples=examples(60))
@given(
    st.lists(st.lists(st.integers(0, MASK), max_size=30), max_size=5),
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(0, 2**64),
)
def test_signatures_are_the_minima_the_oracle_finds(
    documents: list[list[int]], bands: int, rows: int, seed: int
) -> None:
    scheme = Scheme(bands, rows, 5, seed)
    shingles = np.array([s for d in documents for s in d], dtype=np.uint64)
    offsets = np.cumsum([0, *(len(d) for d in documents)])
    a, b = (values.tolist() for values in permutation_parameters(scheme))
    expected = [
        [min(((x * shingle + y) & MASK for shingle in d), default=MASK) for x, y in zip(a, b, strict=True)]
        for d in documents
    ]
    assert minima(shingles, offsets, scheme).tolist() == expected
    got = signatures(shingles, offsets, scheme)
    assert got.dtype == np.uint32
    assert got.tolist() == [[value >> 32 for value in row] for row in expected]
    assert has_shingles(offsets).tolist() == [bool(d) for d in documents]
    for fill in (products, halves):
        filled = np.empty_like(got)
        fill(shingles, offsets, *permutation_parameters(scheme), filled)
        assert filled.tolist() == got.tolist()


def test_multipliers_are_odd_and_adding_bands_keeps_the_first() -> None:
    small, large = permutation_parameters(Scheme(2, 3, 5)), permutation_parameters(Scheme(20, 3, 5))
    assert (large[0] % 2 == 1).all()
    for few, many in zip(small, large, strict=True):
        assert few.tolist() == many[:6].tolist()


def test_almost_no_minimum_is_the_largest_value() -> None:
    # Where uint32 products are promoted to 64 bits, or floats creep in, minima pile up at the end.
    rng = np.random.default_rng(1)
    shingles = rng.integers(0, 2**64, 40_000, dtype=np.uint64)
    offsets = np.arange(0, 40_001, 40)
    signature = signatures(shingles, offsets, Scheme(14, 8, 5))
    assert np.count_nonzero(signature == 0xFFFFFFFF) <= 1
    # The minimum of 40 even values has mean 2^32 / 41.
    mean = signature.mean() / 2**32
    assert abs(mean - 1 / 41) < 5 * (1 / 41) / math.sqrt(signature.size)


@pytest.mark.parametrize(("common", "own"), [(10, 190), (60, 70), (100, 50), (160, 20), (190, 5), (198, 1)])
def test_the_estimate_is_unbiased(pairs_of: Make, common: int, own: int) -> None:
    pairs, scheme = 600, Scheme(14, 8, 5)
    shingles, offsets = pairs_of(pairs, common, own, seed=common)
    jaccard = common / (common + 2 * own)
    sets = shingle_sets(shingles, offsets)
    even = np.arange(0, 2 * pairs, 2)
    counts = jaccard_counts(*sets, even, even + 1)
    assert (counts[0] / counts[1] == jaccard).all()

    signature = signatures(shingles, offsets, scheme)
    # Rows of a pair and pairs are independent draws: five standard errors, once in 1.7 million runs.
    bound = 5 * math.sqrt(jaccard * (1 - jaccard) / (pairs * scheme.permutations))
    assert abs((signature[::2] == signature[1::2]).mean() - jaccard) < bound

    short = signature_bytes(signature)
    assert short.dtype == np.uint8
    agreeing = agreeing_rows(short[::2], short[1::2])
    chance = jaccard + (1 - jaccard) / 256
    bound = 5 * math.sqrt(chance * (1 - chance) / (pairs * scheme.permutations)) * 256 / 255
    raw = (agreeing.mean() / scheme.permutations - 1 / 256) * 256 / 255
    assert abs(raw - jaccard) < bound
    single = estimate(agreeing, scheme.permutations)
    assert ((single >= 0) & (single <= 1)).all()


@pytest.mark.parametrize("size", [1, 1000, 200_000])
def test_bytes_of_unlike_documents_agree_by_chance_only(size: int) -> None:
    # Also of long documents, whose minima are all small.
    rng = np.random.default_rng(size)
    documents = 40 if size < 10_000 else 4
    scheme = Scheme(14, 8, 5)
    rows = rng.integers(0, 2**64, documents * size, dtype=np.uint64)
    short = signature_bytes(signatures(rows, np.arange(documents + 1) * size, scheme))
    a, b = np.triu_indices(documents, 1)
    agreeing = agreeing_rows(short[a], short[b]).sum()
    trials = len(a) * scheme.permutations
    assert agreeing < trials / 256 + 6 * math.sqrt(trials / 256) + 1


@pytest.mark.parametrize(("bands", "rows"), [(14, 8), (9, 13), (25, 10)])
@pytest.mark.parametrize(("common", "own"), [(140, 30), (160, 20), (180, 10)])
def test_recall_is_what_the_curve_promises(
    pairs_of: Make, bands: int, rows: int, common: int, own: int
) -> None:
    pairs, scheme = 2000, Scheme(bands, rows, 5)
    keys = band_keys(signatures(*pairs_of(pairs, common, own, seed=bands + own), scheme), scheme)
    found = int((keys[::2] == keys[1::2]).any(axis=1).sum())
    promised = probability(common / (common + 2 * own), bands, rows)
    assert abs(found - pairs * promised) <= 5 * math.sqrt(pairs * promised * (1 - promised)) + 1


def test_keys_tell_bands_and_scopes_apart() -> None:
    scheme = Scheme(4, 2, 5)
    same = np.full((3, 8), 7, dtype=np.uint32)
    keys = band_keys(same, scheme)
    assert keys.dtype == np.uint64
    assert len(set(keys[0].tolist())) == 4
    assert (keys[0] == keys[1]).all()
    scoped = band_keys(same, scheme, scope=np.array([1, 1, 2], dtype=np.uint64))
    assert (scoped[0] == scoped[1]).all()
    assert not set(scoped[0].tolist()) & set(scoped[2].tolist())


def test_one_row_changes_one_key() -> None:
    scheme = Scheme(4, 2, 5)
    rows = np.arange(16, dtype=np.uint32).reshape(2, 8) % 8
    rows[1, 5] += 1
    keys = band_keys(rows, scheme)
    assert (keys[0] == keys[1]).tolist() == [True, True, False, True]


def test_keys_refuse_what_is_not_of_the_scheme() -> None:
    with pytest.raises(ConfigError, match="112 rows of 14 bands of 8"):
        band_keys(np.zeros((2, 10), np.uint32), Scheme(14, 8, 5))
    with pytest.raises(ConfigError, match="1 scopes for 2"):
        band_keys(np.zeros((2, 112), np.uint32), Scheme(14, 8, 5), scope=np.zeros(1, np.uint64))


def test_a_scheme_survives_storage_and_refuses_mixes() -> None:
    scheme = Scheme(14, 8, 5, seed=3)
    assert Scheme.from_dict(scheme.to_dict()) == scheme
    assert pickle.loads(pickle.dumps(scheme)) == scheme
    assert scheme.permutations == 112
    scheme.require_same(Scheme(14, 8, 5, 3))
    with pytest.raises(ConfigError, match=r"k: 5 and 13; seed: 3 and 1"):
        scheme.require_same(Scheme(14, 8, 13))
    with pytest.raises(ConfigError, match="Did you mean 'bands'"):
        Scheme.from_dict({**scheme.to_dict(), "band": 3})
    with pytest.raises(ConfigError, match="lacks seed"):
        Scheme.from_dict({key: value for key, value in scheme.to_dict().items() if key != "seed"})


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "8"])
def test_a_scheme_is_of_whole_numbers(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="whole number"):
        Scheme(14, wrong, 5)


def test_signatures_of_other_systems_cannot_be_made_here() -> None:
    with pytest.raises(ConfigError, match="another system"):
        signatures(np.zeros(1, np.uint64), np.array([0, 1]), Scheme(14, 8, 5, name="datasketch-legacy/128"))
