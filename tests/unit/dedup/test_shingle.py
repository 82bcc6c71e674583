from __future__ import annotations

import itertools

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.dedup.mixing import draw64, mix64, ragged, unmix64
from datagov.dedup.shingle import BASE, shingle_hashes
from datagov.errors import ConfigError, InputError

MASK = (1 << 64) - 1
UINT64 = st.integers(0, MASK)


def python_mix(value: int) -> int:
    for multiplier in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        value = (value ^ value >> 33) * multiplier & MASK
    return value ^ value >> 33


def python_shingles(tokens: list[int], k: int) -> list[int]:
    windows = [tokens[i : i + k] for i in range(max(len(tokens) - k + 1, 1))] if tokens else []
    hashes = []
    for window in windows:
        value = 0
        for token in window:
            value = (value * int(BASE) + token) & MASK
        hashes.append(python_mix(value))
    return hashes


@settings(max_examples=examples(80))
@given(st.lists(st.lists(UINT64, max_size=20), max_size=6), st.integers(1, 15))
def test_windows_hash_as_the_oracle_says(documents: list[list[int]], k: int) -> None:
    tokens = np.array([t for d in documents for t in d], dtype=np.uint64)
    offsets = np.cumsum([0, *(len(d) for d in documents)])
    hashes, bounds = shingle_hashes(tokens, offsets, k=k)
    assert hashes.dtype == np.uint64
    assert bounds.dtype == np.int64
    got = [hashes[a:b].tolist() for a, b in itertools.pairwise(bounds)]
    assert got == [python_shingles(d, k) for d in documents]


def test_a_short_document_is_one_shingle_and_an_empty_one_none() -> None:
    _, offsets = shingle_hashes(np.arange(9, dtype=np.uint64), np.array([0, 0, 3, 4, 9]), k=5)
    assert np.diff(offsets).tolist() == [0, 1, 1, 1]


def test_read_only_tokens_are_accepted() -> None:
    tokens = np.arange(9, dtype=np.uint64)
    tokens.flags.writeable = False
    assert len(shingle_hashes(tokens, np.array([0, 9]), k=3)[0]) == 7


def test_no_documents() -> None:
    hashes, offsets = shingle_hashes(np.empty(0, np.uint64), np.zeros(1, np.int64), k=5)
    assert len(hashes) == 0
    assert offsets.tolist() == [0]


def test_a_shingle_has_a_token() -> None:
    with pytest.raises(ConfigError, match="at least 1 token"):
        shingle_hashes(np.empty(0, np.uint64), np.zeros(1, np.int64), k=0)


@given(UINT64)
def test_the_mixer_is_undone(value: int) -> None:
    mixed = int(mix64(np.uint64(value)))
    assert mixed == python_mix(value)
    assert unmix64(mixed) == value


def test_draws_are_fixed_for_ever_and_do_not_depend_on_how_many() -> None:
    assert draw64(1, 3).tolist() == [6600709949824622312, 6639082216692946174, 5960260772141034884]
    assert draw64(1, 3).tolist() == draw64(1, 100)[:3].tolist()
    assert not set(draw64(1, 1000).tolist()) & set(draw64(1, 1000, stream=1).tolist())


@pytest.mark.parametrize("offsets", [[], [0, 4], [0, 3, 2], [-1, 2]])
def test_offsets_that_point_elsewhere_are_refused(offsets: list[int]) -> None:
    with pytest.raises(InputError, match="do not divide 3 values"):
        ragged(np.arange(3), np.array(offsets, dtype=np.int64), np.uint64)
