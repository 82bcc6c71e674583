"""The units that n-grams are made of: words of spaced scripts, characters of the others.

Upper and lower case, full and half width, white space, punctuation and line breaks make no difference: `It's 3.14!`
has the units its, 3, 14. A unit of Han, kana, Thai, Lao, Khmer or Myanmar is one letter, without its marks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from datagov.text.breaks import PER_CHARACTER_SCRIPTS
from datagov.text.hashing import finish, step
from datagov.text.kernel import kernel
from datagov.text.tables import kind_index, script_index, unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["Units", "units_of"]

BREAKS, IN_WORD, ALONE, PASSED_OVER = 0, 1, 2, 3
APOSTROPHES: Final = (0x27, 0x2019, 0xFF07)


@dataclass(frozen=True, eq=False)
class Units:
    """Units: those of document i are `hash[offsets[i]:offsets[i+1]]`, in text order."""

    hash: npt.NDArray[np.uint64]
    """uint64[U]."""
    alone: npt.NDArray[np.uint8]
    """uint8[U]: 1 for a character, 0 for a word."""
    start: npt.NDArray[np.int64]
    """int64[U]: position in the batch's code points; empty unless asked for."""
    end: npt.NDArray[np.int64]
    """int64[U]: exclusive; empty unless asked for."""
    offsets: npt.NDArray[np.int64]


@cache
def roles() -> npt.NDArray[np.uint8]:
    """Return uint8[256]: what each class of characters does to a unit."""
    tables = unicode_tables()
    role = np.full(256, BREAKS, np.uint8)
    role[np.isin(tables.kind, [kind_index(name) for name in ("letter", "number", "mark")])] = IN_WORD
    role[tables.kind == kind_index("format")] = PASSED_OVER
    per_character = np.isin(tables.script, [script_index(name) for name in PER_CHARACTER_SCRIPTS])
    role[per_character & (tables.kind == kind_index("letter"))] = ALONE
    return role


@kernel
def _units(
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    role: npt.NDArray[np.uint8],
    marks: npt.NDArray[np.bool_],
    lower: npt.NDArray[np.uint32],
    places: bool,
    hashes: npt.NDArray[np.uint64],
    alone: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    unit_offsets: npt.NDArray[np.int64],
) -> None:
    """Fill the units; all but `starts` and `ends` have a place a character, these too if `places`."""
    unit = 0
    for row in range(offsets.shape[0] - 1):
        state = np.uint64(0)
        open_word = False
        last = 0
        for at in range(offsets[row], offsets[row + 1]):
            c = points[at]
            what = role[classes[at]]
            if c in APOSTROPHES:
                what = PASSED_OVER
            if what == PASSED_OVER or (not open_word and marks[classes[at]]):
                continue
            if open_word and what != IN_WORD:
                hashes[unit] = finish(state)
                alone[unit] = 0
                if places:
                    ends[unit] = last + 1
                unit += 1
                open_word = False
            if what == BREAKS:
                continue
            if 0xFF01 <= c <= 0xFF5E:
                c -= np.uint32(0xFEE0)
            if c < lower.shape[0]:
                c = lower[c]
            if what == ALONE:
                hashes[unit] = finish(step(np.uint64(0), c))
                alone[unit] = 1
                if places:
                    starts[unit] = at
                    ends[unit] = at + 1
                unit += 1
                continue
            if not open_word:
                open_word = True
                state = np.uint64(0)
                if places:
                    starts[unit] = at
            state = step(state, c)
            last = at
        if open_word:
            hashes[unit] = finish(state)
            alone[unit] = 0
            if places:
                ends[unit] = last + 1
            unit += 1
        unit_offsets[row + 1] = unit


def units_of(batch: TextBatch, *, places: bool = False) -> Units:
    """Return the units of a batch, and, if asked for, where each stands."""
    tables = unicode_tables()
    size = len(batch.code_points)
    hashes, alone = np.empty(size, np.uint64), np.empty(size, np.uint8)
    starts = np.empty(size if places else 0, np.int64)
    ends = np.empty_like(starts)
    offsets = np.zeros(batch.n + 1, np.int64)
    marks = tables.kind == kind_index("mark")
    filled = (hashes, alone, starts, ends, offsets)
    _units(batch.code_points, batch.classes, batch.offsets, roles(), marks, tables.lower, places, *filled)
    total = int(offsets[-1])
    return Units(hashes[:total], alone[:total], starts[:total], ends[:total], offsets)
