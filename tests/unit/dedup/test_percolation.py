from __future__ import annotations

import math

import numpy as np
import pytest

from datagov.dedup.minhash import Scheme, signature_bytes, signatures
from datagov.dedup.percolation import background_similarity, expected_component_degree, percolates

SCHEME = Scheme(14, 8, 5)


def documents(n: int, common: int, own: int) -> np.ndarray:
    """Make signatures of documents with a common part: J = common / (common + 2 own) for every pair."""
    rng = np.random.default_rng(common)
    shared = np.broadcast_to(rng.integers(0, 2**64, common, dtype=np.uint64), (n, common))
    rows = np.concatenate((shared, rng.integers(0, 2**64, (n, own), dtype=np.uint64)), axis=1)
    offsets = np.arange(n + 1) * (common + own)
    return signature_bytes(signatures(rows.reshape(-1), offsets, SCHEME))


@pytest.mark.parametrize(("common", "own"), [(0, 100), (10, 95), (60, 55)])
def test_the_background_is_estimated(common: int, own: int) -> None:
    jaccard = common / (common + 2 * own)
    estimate = background_similarity(documents(400, common, own), seed=1, pairs=4000)
    assert estimate is not None
    # Pairs share documents and all share one common part, whose rows agree or not for all of them at
    # once: the standard error is that of the rows, not of the pairs.
    assert abs(estimate - jaccard) <= 5 * math.sqrt(jaccard * (1 - jaccard) / SCHEME.permutations) + 0.002


def test_duplicates_are_not_background() -> None:
    rows = documents(200, 0, 100)
    rows[100:] = rows[0]
    estimate = background_similarity(rows, seed=1, pairs=5000)
    assert estimate is not None
    assert estimate < 0.01
    assert background_similarity(rows[100:], seed=1, pairs=50) is None


def test_the_same_seed_gives_the_same_estimate_in_pieces_or_whole() -> None:
    rows = documents(50, 60, 55)
    assert background_similarity(rows, 7, 70_000) == background_similarity(rows, 7, 70_000)
    assert background_similarity(rows, 7, 100) != background_similarity(rows, 8, 100)


def test_too_few_documents_have_no_background() -> None:
    assert background_similarity(documents(1, 0, 10), seed=1, pairs=10) is None
    assert background_similarity(documents(5, 0, 10), seed=1, pairs=0) is None


def test_degrees_and_the_guard() -> None:
    # Background 0.36 is that of long English under 5-character shingles: one candidate at 254 documents.
    assert expected_component_degree(254, 0.36, 14, 8) == pytest.approx(1.0, abs=0.02)
    assert expected_component_degree(0, 0.36, 14, 8) == 0
    assert percolates(254, 0.36, 14, 8)
    assert not percolates(10**9, 0.0004, 14, 8)
