"""The edit `drop_similar_lines`: a document says nothing twice in nearly the same words."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from datagov.dedup.jaccard import as_fraction
from datagov.edits.cutting import cut_units
from datagov.edits.edited import Edited
from datagov.edits.units import units_of
from datagov.text.edit_distance import within_distance
from datagov.text.hashing import hash_points
from datagov.text.kernel import kernel
from datagov.text.tables import kind_index, unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["COUNTS", "RULE", "apply", "gram_length"]

COUNTS = ("units_removed",)
RULE: Final = "similar_line"

LONGEST_TRIED: Final = 10_000
"""Units up to this length are tried one by one for the shortest piece; longer ones have none that is shorter."""


def gram_length(share: Fraction, exact_chars: int) -> int:
    """Return how long a stretch two similar units longer than `exact_chars` have in common at least.

    A unit of L characters is within `share` of another's length of it, at most k = floor(L share / (1 - share))
    edits away. Cut into k + 1 pieces, one of them is in the other as it stands.
    """
    found = min(
        length // (length * share.numerator // (share.denominator - share.numerator) + 1)
        for length in range(exact_chars + 1, LONGEST_TRIED)
    )
    beyond = 1 / (share / (1 - share) + Fraction(1, LONGEST_TRIED))
    return max(1, min(found, int(beyond)))


@kernel
def _trim(
    classes: npt.NDArray[np.uint8],
    outside: npt.NDArray[np.bool_],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
) -> None:
    """Move the ends of stretches inwards, past characters of a class that is `outside`."""
    for unit in range(start.shape[0]):
        while start[unit] < end[unit] and outside[classes[start[unit]]]:
            start[unit] += 1
        while end[unit] > start[unit] and outside[classes[end[unit] - 1]]:
            end[unit] -= 1


@kernel
def _similar(
    points: npt.NDArray[np.uint32],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    numerator: int,
    denominator: int,
    exact_chars: int,
    min_chars: int,
    gram: int,
    found: npt.NDArray[np.uint32],
) -> None:
    """Mark units that are like one that stays before them in their document.

    Units that stay are known by all their grams; a new one is held against those that have the beginning of one
    of its pieces.
    """
    most_chars = 0
    most_units = 0
    longest = 0
    for row in range(offsets.shape[0] - 1):
        chars = 0
        for unit in range(offsets[row], offsets[row + 1]):
            chars += end[unit] - start[unit]
            longest = max(longest, end[unit] - start[unit])
        most_chars = max(most_chars, chars)
        most_units = max(most_units, offsets[row + 1] - offsets[row])
    size = 1
    while size < most_chars + most_units:
        size *= 2
    head = np.empty(size, np.int64)
    following = np.empty(most_chars + most_units, np.int64)
    holder = np.empty(most_chars + most_units, np.int64)
    tried = np.full(start.shape[0], -1, np.int64)
    scratch = np.empty(2 * (longest * numerator // (denominator - numerator)) + 3, np.int64)
    for row in range(offsets.shape[0] - 1):
        entries = 0
        used = 1
        for unit in range(offsets[row], offsets[row + 1]):
            entries += end[unit] - start[unit] + 1
        while used < entries:
            used *= 2
        head[:used] = -1
        mask = np.uint64(used - 1)
        entries = 0
        for unit in range(offsets[row], offsets[row + 1]):
            length = end[unit] - start[unit]
            if length == 0 or length < min_chars:
                continue
            short = length <= exact_chars
            pieces = 1 if short else length * numerator // (denominator - numerator) + 1
            for piece in range(pieces):
                at = start[unit] + piece * length // pieces
                entry = head[hash_points(points, at, end[unit] if short else at + gram) & mask]
                while entry >= 0:
                    other = holder[entry]
                    entry = following[entry]
                    if tried[other] == unit:
                        continue
                    tried[other] = unit
                    its = end[other] - start[other]
                    most = 0 if short else max(its, length) * numerator // denominator
                    if (its <= exact_chars) != short or abs(its - length) > most:
                        continue
                    if within_distance(
                        points, start[other], end[other], start[unit], end[unit], most, scratch
                    ):
                        found[unit] = 1
                        break
                if found[unit]:
                    break
            if found[unit]:
                continue
            last = start[unit] if short else end[unit] - gram
            for at in range(start[unit], last + 1):
                place = hash_points(points, at, end[unit] if short else at + gram) & mask
                if head[place] >= 0 and holder[head[place]] == unit:
                    continue
                following[entries] = head[place]
                holder[entries] = unit
                head[place] = entries
                entries += 1


def apply(
    batch: TextBatch,
    *,
    unit: str = "sentences",
    max_distance: float = 0.1,
    exact_chars: int = 15,
    min_chars: int = 1,
) -> Edited:
    """Remove units that are like one that stands before them in the same document and stays.

    White space and punctuation at the ends of a unit are passed over; a unit of nothing else stays.

    Parameters
    ----------
    batch : TextBatch
    unit : str
        One of `units.UNITS`.
    max_distance : float
        Two units are alike if their edit distance is at most this share of the length of the longer one.
    exact_chars : int
        Where the shorter one has no more characters, they are alike only if they are the same.
    min_chars : int
        Shorter units stay.

    Returns
    -------
    Edited
        With spans, all of the rule `similar_line`.

    Source
    ------
    MAP-CC (Du et al. 2024, arXiv 2404.04167), the released script for similar lines. Its two other tests, that lengths
    differ by less than 30 % and that a third of all characters are common, are true of all units so alike. It compares
    with lines that it has removed as well.
    """
    units = units_of(batch, unit)
    tables = unicode_tables()
    outside = np.isin(tables.kind, [kind_index("space"), kind_index("punctuation")])
    start, end = units.start.astype(np.int64), units.end.astype(np.int64)
    _trim(batch.classes, outside, start, end)
    share = as_fraction(max_distance)
    found = np.zeros(len(start), np.uint32)
    _similar(
        batch.code_points,
        start,
        end,
        units.offsets,
        share.numerator,
        share.denominator,
        exact_chars,
        min_chars,
        gram_length(share, exact_chars),
        found,
    )
    return cut_units(batch, units, found, [RULE], counted="units_removed")
