"""Do suspects and calibration texts share documents? Equal texts, near-duplicates, and shared 13-grams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.dedup.buckets import group, records
from datagov.dedup.components import components
from datagov.dedup.jaccard import jaccard_counts, reaches, shingle_sets
from datagov.dedup.minhash import band_keys, has_shingles, signatures
from datagov.dedup.scheme import Scheme
from datagov.dedup.shingle import shingle_hashes
from datagov.errors import InputError
from datagov.text.batch import TextBatch

__all__ = ["Overlap", "near_duplicates", "overlap", "refuse_overlap"]

SCHEME = Scheme(bands=14, rows=8, k=5)
JACCARD = 0.7
GRAM = 13
MOST_SHARED = 0.8
"""From this share of its 13-grams on a suspect counts as contained in the calibration texts, as in MIMIR's split."""
LARGE_BUCKET = 64
SHOWN = 10


@dataclass(frozen=True)
class Overlap:
    """What suspects share with calibration texts."""

    equal: npt.NDArray[np.int64]
    """Rows of suspects whose text stands among the calibration texts, up to normal form."""
    near: npt.NDArray[np.int64]
    """Rows of suspects with a near-duplicate there: Jaccard of 5-token shingles 0.7 or more, verified on the text."""
    contained: npt.NDArray[np.int64]
    """Rows of suspects 80 % or more of whose 13-grams stand there."""
    shared_fraction: npt.NDArray[np.float64]
    """Share of each suspect's 13-grams that stand in the calibration texts; NaN for a text without tokens."""

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Suspects that overlap in any of the three ways, ascending."""
        return np.unique(np.concatenate([self.equal, self.near, self.contained]))


def near_duplicates(texts: pa.LargeStringArray) -> npt.NDArray[np.int64]:
    """Return the cluster of each text, int64[N]: the smallest row of its near-duplicates; its own where it has none.

    Jaccard of 5-token shingles of 0.7 or more, verified on the text; linked pairs make a cluster.
    """
    batch = TextBatch(texts)
    shingles, offsets = shingle_hashes(batch.tokens.hash, batch.tokens.offsets, k=SCHEME.k)
    keys, rows = records(band_keys(signatures(shingles, offsets, SCHEME), SCHEME), has_shingles(offsets))
    order, starts = group(keys, rows)
    pairs: set[tuple[int, int]] = set()
    for start, stop in pairwise(starts):
        members = sorted(int(row) for row in rows[order[start:stop]])
        if len(members) <= LARGE_BUCKET:
            pairs.update(combinations(members, 2))
        else:
            pairs.update((members[0], other) for other in members[1:])
    ends = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    sets, set_offsets = shingle_sets(shingles, offsets)
    alike = reaches(*jaccard_counts(sets, set_offsets, ends[:, 0], ends[:, 1]), JACCARD)
    clusters: npt.NDArray[np.int64] = components(len(texts), ends[alike, 0], ends[alike, 1])
    return clusters


def overlap(
    suspects: pa.LargeStringArray,
    calibration: pa.LargeStringArray,
    suspect_ids: Sequence[bytes | None],
    calibration_ids: Sequence[bytes | None],
) -> Overlap:
    """Compare suspects with calibration texts.

    Parameters
    ----------
    suspects, calibration : large_string arrays of lengths N and M
    suspect_ids, calibration_ids : sequences of bytes or None
        Their content_ids; None where a text has no visible character.
    """
    there = set(calibration_ids) - {None}
    equal = np.array([row for row, name in enumerate(suspect_ids) if name in there], dtype=np.int64)
    count = len(suspects)
    clusters = near_duplicates(pa.chunked_array([suspects, calibration]).combine_chunks())
    near = np.flatnonzero(np.isin(clusters[:count], clusters[count:]))
    shared = _shared_fraction(suspects, calibration)
    with np.errstate(invalid="ignore"):
        contained = np.flatnonzero(shared >= MOST_SHARED)
    return Overlap(equal, near, contained, shared)


def refuse_overlap(found: Overlap, names: Sequence[str], where: str) -> None:
    """Refuse suspects that are known non-members.

    Parameters
    ----------
    found : Overlap
    names : sequence of str, length N
        What the suspects are called.
    where : str
        What was compared, for the message.

    Raises
    ------
    InputError
        There are such, naming ten of them.
    """
    rows = found.rows
    if len(rows) == 0:
        return
    listed = ", ".join(names[row] for row in rows[:SHOWN]) + (", ..." if len(rows) > SHOWN else "")
    raise InputError(
        f"{where}: {len(rows)} suspects stand among the known non-members ({len(found.equal)} equal, {len(found.near)} "
        f"near-duplicates, {len(found.contained)} with 80 % of their 13-grams): {listed}. A text cannot be both; take them "
        "out of one of the two sets"
    )


def _shared_fraction(
    suspects: pa.LargeStringArray, calibration: pa.LargeStringArray
) -> npt.NDArray[np.float64]:
    grams, offsets = _grams(suspects)
    there, _ = _grams(calibration)
    counts = np.concatenate(([0], np.cumsum(np.isin(grams, there))))[offsets]
    with np.errstate(invalid="ignore"):
        return np.diff(counts) / np.diff(offsets)


def _grams(texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    tokens = TextBatch(texts).tokens
    return shingle_hashes(tokens.hash, tokens.offsets, k=GRAM)
