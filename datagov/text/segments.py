"""Documents cut into segments at their word boundaries, spaces and punctuation included."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.text.breaks import ASK, DOCUMENT_START, EIGHT, ONE, BreakRules, joins
from datagov.text.kernel import Integer, kernel
from datagov.text.tables import KINDS, kind_index, unicode_tables

__all__ = [
    "ALL_SPACE",
    "ALL_SYMBOL",
    "HAS_LETTER",
    "HAS_NUMBER",
    "Segments",
    "flags_of_kinds",
    "kind_bits",
    "segment_all",
]

HAS_LETTER: Final = 1
"""A character of general category L*."""
ALL_SYMBOL: Final = 2
"""Every character is punctuation or a symbol (P*, S*)."""
ALL_SPACE: Final = 4
"""Every character is White_Space."""
HAS_NUMBER: Final = 8
"""A character of general category N*."""


@dataclass(frozen=True, eq=False)
class Segments:
    """Every document cut without gaps: segments of document i are rows `offsets[i]:offsets[i+1]`.

    `start` and `end` (exclusive) are positions in the batch's code points; `kind` holds the bits
    HAS_LETTER, ALL_SYMBOL, ALL_SPACE, HAS_NUMBER.
    """

    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    kind: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]


@cache
def kind_bits() -> npt.NDArray[np.uint16]:
    """Return uint16[256]: the bit of each class's kind; a segment's kinds are the union of them."""
    return np.left_shift(np.uint16(1), unicode_tables().kind.astype(np.uint16))


@cache
def flags_of_kinds() -> npt.NDArray[np.uint8]:
    """Return uint8[1 << len(KINDS)]: the `kind` of a segment for the union of its kind bits."""
    kinds = np.arange(1 << len(KINDS))
    symbols = 1 << kind_index("punctuation") | 1 << kind_index("symbol")
    flags = np.where(kinds & 1 << kind_index("letter"), HAS_LETTER, 0)
    flags |= np.where(kinds & 1 << kind_index("number"), HAS_NUMBER, 0)
    flags |= np.where(kinds & ~symbols == 0, ALL_SYMBOL, 0)
    flags |= np.where(kinds == 1 << kind_index("space"), ALL_SPACE, 0)
    return flags.astype(np.uint8)


@kernel
def _segment(
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    pairs: npt.NDArray[np.uint8],
    word_break: npt.NDArray[np.uint8],
    pictographic: npt.NDArray[np.uint8],
    bit_of: npt.NDArray[np.uint16],
    flags_of: npt.NDArray[np.uint8],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    kind: npt.NDArray[np.uint8],
    segment_offsets: npt.NDArray[np.int64],
) -> None:
    """Write the segments of all documents; the arrays have one place a character.

    The current segment is written anew at every character and kept when the next one begins: a few
    stores cost less than one wrongly guessed branch.
    """
    current = np.uint64(0)
    for row in range(offsets.shape[0] - 1):
        first, stop = np.uint64(offsets[row]), np.uint64(offsets[row + 1])
        segment: Integer = first
        left = DOCUMENT_START
        kinds = np.uint16(0)
        for at in range(first, stop):
            right = np.uint64(classes[at])
            broken = np.uint64(pairs[left | right])
            left = right << EIGHT
            if broken == ASK:
                joined = joins(classes, first, segment, at, stop, pairs, word_break, pictographic)
                broken = np.uint64(not joined)
            current += broken
            segment = at if broken else segment
            kinds &= np.uint16(broken - ONE)
            kinds |= bit_of[right]
            start[current] = segment
            end[current] = at + ONE
            kind[current] = flags_of[kinds]
        current += np.uint64(stop > first)
        segment_offsets[row + 1] = current


def segment_all(
    classes: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], rules: BreakRules
) -> Segments:
    """Cut every document at its word boundaries; spaces and punctuation are segments too.

    Parameters
    ----------
    classes : uint8[C]
        Class of each code point.
    offsets : int64[N+1]
        Document i is `classes[offsets[i]:offsets[i+1]]`.
    rules : BreakRules
        `word_rules()` or `token_rules()`.
    """
    size = len(classes)
    # Untouched pages of these upper bounds cost nothing.
    start, end = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    kind = np.empty(size, dtype=np.uint8)
    segment_offsets = np.zeros(len(offsets), dtype=np.int64)
    _segment(
        classes,
        offsets,
        rules.pairs,
        rules.word_break,
        rules.pictographic,
        kind_bits(),
        flags_of_kinds(),
        start,
        end,
        kind,
        segment_offsets,
    )
    total = int(segment_offsets[-1])
    return Segments(start[:total], end[:total], kind[:total], segment_offsets)
