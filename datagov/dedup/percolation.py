"""When buckets would connect a corpus by accident.

Documents that are nothing to each other still have a background similarity (boilerplate, short
alphabets, long texts under short shingles). Once a document has on average more than one accidental
candidate, components grow into one giant cluster, and time and memory with it. The expected number is
estimated from random pairs before buckets are used, per stratum (script, source).

Source: Erdős and Rényi 1960 (a giant component appears at mean degree 1), applied to the candidate graph.
"""

from __future__ import annotations

import numpy as np

from datagov.dedup.curve import probability
from datagov.dedup.minhash import CHANCE
from datagov.dedup.mixing import draw64

__all__ = ["GUARD", "background_similarity", "expected_component_degree", "percolates"]

GUARD = 0.01
"""Expected accidental candidates a document from which a stratum is warned about."""
DUPLICATE = 0.7
"""Pairs estimated this similar or more are duplicates, not background."""


def background_similarity(signature_bytes: np.ndarray, seed: int, pairs: int) -> float | None:
    """Estimate the mean Jaccard similarity of unrelated documents from random pairs.

    Parameters
    ----------
    signature_bytes : uint8[N, P]
        One-byte signatures of documents that have shingles.
    seed : int
        Chooses the pairs; the same seed chooses the same.
    pairs : int
        How many pairs, drawn with replacement.

    Returns
    -------
    float or None
        In [0, 1], corrected for the rows that agree by chance; pairs estimated at 0.7 or more are left
        out, being duplicates. None when there are fewer than two documents, no pairs, or only
        duplicates. Standard error at most sqrt(s (1 - s) / P / pairs) plus that of the corpus itself.
    """
    n = len(signature_bytes)
    if n < 2 or pairs < 1:
        return None
    a = (draw64(seed, pairs, stream=2) % np.uint64(n)).astype(np.int64)
    step = (draw64(seed, pairs, stream=3) % np.uint64(n - 1)).astype(np.int64)
    b = (a + 1 + step) % n
    permutations = signature_bytes.shape[1]
    total = counted = 0
    # In pieces: the rows of a million pairs need not be in memory together.
    for start in range(0, pairs, 65536):
        piece = slice(start, start + 65536)
        agreeing = np.count_nonzero(signature_bytes[a[piece]] == signature_bytes[b[piece]], axis=1)
        background = agreeing < (DUPLICATE * (1 - CHANCE) + CHANCE) * permutations
        total += int(agreeing[background].sum())
        counted += int(background.sum())
    if counted == 0:
        return None
    return min(1.0, max(0.0, (total / counted / permutations - CHANCE) / (1 - CHANCE)))


def expected_component_degree(n: int, similarity: float, bands: int, rows: int) -> float:
    """Return how many accidental candidates a document has among n others of a background similarity.

    At 1 a giant component appears; `GUARD` is where to be warned.
    """
    return max(n - 1, 0) * probability(similarity, bands, rows)


def percolates(n: int, similarity: float, bands: int, rows: int) -> bool:
    """Return whether a stratum of n documents is beyond the guard."""
    return expected_component_degree(n, similarity, bands, rows) > GUARD
