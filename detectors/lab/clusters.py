"""Which texts are near-duplicates of each other: no cluster may have both members and non-members."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.dedup.buckets import group, records, star_edges
from datagov.dedup.components import components
from datagov.dedup.jaccard import jaccard_counts, reaches, shingle_sets
from datagov.dedup.minhash import Scheme, band_keys, has_shingles, signatures
from datagov.dedup.shingle import shingle_hashes
from datagov.text.batch import TextBatch

__all__ = ["near_duplicate_clusters"]

SCHEME = Scheme(bands=20, rows=5, k=3)
LEAST_JACCARD = 0.5


def near_duplicate_clusters(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the cluster of each text, int64[N]: the smallest row of those it is connected to by near-duplication."""
    tokens = TextBatch(pa.array(texts, pa.large_string())).tokens
    shingles, offsets = shingle_hashes(tokens.hash, tokens.offsets, k=SCHEME.k)
    keys, rows = records(band_keys(signatures(shingles, offsets, SCHEME), SCHEME), has_shingles(offsets))
    a, b = star_edges(*group(keys, rows), rows)
    sets, set_offsets = shingle_sets(shingles, offsets)
    near = reaches(*jaccard_counts(sets, set_offsets, a, b), LEAST_JACCARD)
    return components(len(texts), a[near], b[near])
