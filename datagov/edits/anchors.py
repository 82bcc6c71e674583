"""Anchors: few places of a text by which every stretch of a given length that two texts share can be found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from datagov.text.hashing import finish
from datagov.text.kernel import Integer, kernel

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["Anchors", "anchors"]

FIRST_BASE: Final = np.uint64(0x9E3779B97F4A7C15)
SECOND_BASE: Final = np.uint64(0xC2B2AE3D27D4EB4F)
ONE: Final = np.uint64(1)


@dataclass(frozen=True, eq=False)
class Anchors:
    """A anchors, by document and place; positions in code points of their document."""

    row: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    """From the first to behind the last of the windows that are known by this anchor."""
    place: npt.NDArray[np.int64]
    """Where the anchor itself begins; each of its windows holds it whole."""
    high: npt.NDArray[np.uint64]
    low: npt.NDArray[np.uint64]
    """Halves of the 128-bit hash of the anchor's characters."""


@kernel
def _anchors(
    points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    gram: int,
    length: int,
    high: npt.NDArray[np.uint64],
    low: npt.NDArray[np.uint64],
    found: npt.NDArray[np.int64],
) -> int:
    """Fill `found` (int64[C, 4]: row, start, end, place) and return how many there are; `high`, `low` are scratch."""
    lead_one = np.uint64(1)
    lead_two = np.uint64(1)
    for _ in range(gram - 1):
        lead_one *= FIRST_BASE
        lead_two *= SECOND_BASE
    grams = length - gram + 1
    count = 0
    for row in range(offsets.shape[0] - 1):
        first, stop = offsets[row], offsets[row + 1]
        if stop - first < length:
            continue
        one = np.uint64(0)
        two = np.uint64(0)
        for at in range(first, stop):
            if at - first >= gram:
                gone = np.uint64(points[at - gram]) + ONE
                one -= gone * lead_one
                two -= gone * lead_two
            point = np.uint64(points[at]) + ONE
            one = one * FIRST_BASE + point
            two = two * SECOND_BASE + point
            if at - first >= gram - 1:
                high[at - gram + 1] = finish(one)
                low[at - gram + 1] = finish(two)
        least: Integer = np.int64(-1)
        for window in range(first, stop - length + 1):
            before = least
            newest = window + grams - 1
            if least < window:
                least = window
                for at in range(window + 1, newest + 1):
                    if high[at] <= high[least]:
                        least = at
            elif high[newest] <= high[least]:
                least = newest
            if least != before or window == first:
                found[count, 0] = row
                found[count, 1] = window - first
                found[count, 3] = least - first
                count += 1
            found[count - 1, 2] = window - first + length
    return count


def anchors(batch: TextBatch, length: int) -> Anchors:
    """Return the anchors of every document of at least `length` characters.

    Each window of `length` characters is known by one anchor: of its stretches of a third of its length, the one
    whose hash is least, of several the last. That is decided by what the window says alone, so that equal windows
    have equal anchors at the same place in them. Neighbouring windows mostly share theirs: in text without much
    repetition there is one for about every third of `length` characters.

    Parameters
    ----------
    batch : TextBatch
    length : int
        At least 1.

    Source
    ------
    Schleimer, Wilkerson and Aiken 2003, Winnowing: local algorithms for document fingerprinting, SIGMOD.
    """
    points = batch.code_points
    high, low = np.empty(len(points), np.uint64), np.empty(len(points), np.uint64)
    found = np.empty((len(points), 4), np.int64)
    count = _anchors(points, batch.offsets, max(1, length // 3), length, high, low, found)
    row, start, end, place = np.ascontiguousarray(found[:count].T)
    at = batch.offsets[row] + place
    return Anchors(row, start, end, place, high[at], low[at])
