"""Compile every dedup kernel once, before worker processes start."""

from __future__ import annotations

import numpy as np

from datagov.dedup.buckets import split
from datagov.dedup.components import components
from datagov.dedup.elect import elect
from datagov.dedup.jaccard import intersection_size, jaccard_counts, shingle_sets
from datagov.dedup.minhash import Scheme, band_keys, minima, signature_bytes, signatures
from datagov.dedup.shingle import shingle_hashes

__all__ = ["warm"]


def warm() -> None:
    """Run every kernel on a few documents, so that its machine code is compiled and on disk.

    Without it each of several workers that start together compiles the same kernels.
    """
    scheme = Scheme(bands=2, rows=2, k=3)
    tokens = np.arange(24, dtype=np.uint64) % np.uint64(12)
    hashes, offsets = shingle_hashes(tokens, np.array([0, 12, 24]), k=scheme.k)
    signature_NP = signatures(hashes, offsets, scheme)
    minima(hashes, offsets, scheme)
    band_keys(signature_NP, scheme)
    byte_NP = signature_bytes(signature_NP)
    pair = np.array([0], dtype=np.int64), np.array([1], dtype=np.int64)
    split(1, np.arange(3), byte_NP[[0, 1, 1]], cap=2)
    components(2, *pair)
    sets, set_offsets = shingle_sets(hashes, offsets)
    jaccard_counts(sets, set_offsets, *pair)
    intersection_size(sets[: set_offsets[1]], sets[set_offsets[1] :])
    elect(sets, set_offsets, np.array([0, 0]), np.array([0, 1, 2]), byte_NP, threshold=0.7)
