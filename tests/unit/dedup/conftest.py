"""Synthetic documents of known similarity, as sets of shingle hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Csr = tuple[np.ndarray, np.ndarray]


def to_csr(rows: Sequence[Sequence[int]], dtype: type[np.generic] = np.uint64) -> Csr:
    offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    return np.array([value for row in rows for value in row], dtype=dtype), offsets


@pytest.fixture(scope="session")
def csr() -> Callable[..., Csr]:
    return to_csr


@pytest.fixture(scope="session")
def pairs_of() -> Callable[..., Csr]:
    """Make documents 2i and 2i+1 with exactly `common` shingles in common and `own` of their own each."""

    def make(count: int, common: int, own: int, seed: int) -> Csr:
        rng = np.random.default_rng(seed)
        both = rng.integers(0, 2**64, (count, 1, common), dtype=np.uint64)
        rest = rng.integers(0, 2**64, (count, 2, own), dtype=np.uint64)
        rows = np.concatenate((np.broadcast_to(both, (count, 2, common)), rest), axis=2)
        return rows.reshape(-1), np.arange(2 * count + 1, dtype=np.int64) * (common + own)

    return make
