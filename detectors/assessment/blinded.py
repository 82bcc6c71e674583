"""The blind check of two sides of documents, whatever their size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.statistics.blind import EQUIVALENT_BELOW, FEWEST, BlindCheck, blind_check
from detectors.statistics.blind_features import similarity

__all__ = ["MOST", "Blinded", "look_alike"]

MOST = 2000
"""Documents of a side that are compared: time and memory grow with the square. Of so many, like texts have an AUROC of 0.5 with a
standard deviation of sqrt((n1 + n0 + 1) / (12 n1 n0)) = 0.009, that of a rank-sum without ties."""


@dataclass(frozen=True)
class Blinded:
    """What a blind check made of two sides, and of which documents."""

    check: BlindCheck | None
    """None where a side has too few documents."""
    rows: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    """Documents of either side that were compared, ascending: all of them, or `MOST` drawn at random."""
    remarks: tuple[str, ...]
    """What a person should know of it."""


def look_alike(
    texts: tuple[pa.LargeStringArray, pa.LargeStringArray],
    dates: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None = None,
    *,
    seed: int = 0,
) -> Blinded:
    """Run the blind check.

    Parameters
    ----------
    texts : pair of large_string[n1] and large_string[n0]
        One text a document: suspects, known non-members.
    dates : pair of float64[n1] and float64[n0], optional
        When each is from, in years; NaN where that is not known.
    seed : int
        Of the documents that are drawn, of folds and of permutations.
    """
    counts = tuple(len(side) for side in texts)
    generator = np.random.default_rng(seed)
    first, second = (
        np.arange(count) if count <= MOST else np.sort(generator.permutation(count)[:MOST])
        for count in counts
    )
    rows = first, second
    if min(counts) < FEWEST:
        remark = (
            f"the blind check needs {FEWEST} documents on either side; there are {counts[0]} and {counts[1]}"
        )
        return Blinded(None, rows, (remark,))
    drawn = [side.take(pa.array(chosen)) for side, chosen in zip(texts, rows, strict=True)]
    when = None if dates is None else np.concatenate([side[at] for side, at in zip(dates, rows, strict=True)])
    labels = np.arange(len(first) + len(second)) < len(first)
    check = blind_check(similarity(pa.chunked_array(drawn).combine_chunks(), when), labels, seed=seed)
    remarks = []
    if max(counts) > MOST:
        remarks.append(
            f"the blind check compared {len(first):,} of {counts[0]:,} suspects with {len(second):,} of {counts[1]:,} known "
            f"non-members, at most {MOST:,} of either drawn at random"
        )
    if check.outcome == "undecided":
        remarks.append(
            f"the blind check is undecided: without any model the AUROC may be {check.high:.3f}, and two sets count as alike below "
            f"{EQUIVALENT_BELOW:g}; more documents on either side make the interval narrower"
        )
    return Blinded(check, rows, tuple(remarks))
