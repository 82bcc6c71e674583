"""What makes two units of text the same: 128-bit keys of what they say."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from datagov.text.folding import DROPPED, fold_table
from datagov.text.hashing import MARK, finish, step
from datagov.text.kernel import inline_kernel, kernel
from datagov.text.lines import LINE_FEED
from datagov.text.tables import kind_index, unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch
    from datagov.text.lines import Spans

__all__ = ["IGNORED", "UnitKeys", "unit_keys"]

IGNORED: Final = {
    "case": "upper case counts as lower case",
    "digits": "all decimal digits count as one",
    "punctuation": "punctuation, controls and format characters count as not there",
    "space": "white space counts as not there",
}
"""What units may be compared without."""

SECOND_STEP: Final = np.uint64(0x9FB21C651E98DF25)
"""Multiplier of the low half; odd, and unlike that of `text.hashing`, so that the halves do not collide together."""
SPACE: Final = np.uint32(0x20)


@dataclass(frozen=True, eq=False)
class UnitKeys:
    """U windows of units: where they stand in the batch's code points, and what they say."""

    row: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    high: npt.NDArray[np.uint64]
    low: npt.NDArray[np.uint64]


def unit_keys(
    batch: TextBatch, units: Spans, *, window: int, ignore: Collection[str], min_chars: int
) -> UnitKeys:
    """Return the keys of every `window` units in a row of one document, in order.

    Two windows have the same key if their units hold the same characters, but for those that are ignored;
    white space at the ends of a unit is passed over, and a run of it counts as one space. Windows of
    fewer than `min_chars` characters, so counted, and those without any, have no key.

    Parameters
    ----------
    batch : TextBatch
    units : Spans
    window : int
        At least 1.
    ignore : collection of str
        Names of `IGNORED`.
    min_chars : int
    """
    count = len(units.start)
    high, low = np.zeros(count, np.uint64), np.zeros(count, np.uint64)
    chars = np.zeros(count, np.int64)
    _keys(
        batch.code_points,
        _folding(tuple(sorted(ignore))),
        units.start,
        units.end,
        units.offsets,
        window,
        high,
        low,
        chars,
    )
    keyed = np.flatnonzero(chars >= max(min_chars, 1))
    row = np.searchsorted(units.offsets, keyed, side="right") - 1
    return UnitKeys(
        row,
        units.start[keyed].astype(np.int64),
        units.end[keyed + window - 1].astype(np.int64),
        high[keyed],
        low[keyed],
    )


@lru_cache(maxsize=8)
def _folding(ignore: tuple[str, ...]) -> npt.NDArray[np.uint32]:
    """Return uint32[POINTS]: what each code point counts as, or DROPPED."""
    tables = unicode_tables()
    table = fold_table(["case"] if "case" in ignore else [])
    kind = tables.kind[tables.class_of]
    if "digits" in ignore:
        for point in np.flatnonzero(kind == kind_index("number")):
            if chr(point).isdecimal():
                table[point] = ord("0")
    if "punctuation" in ignore:
        table[np.isin(kind, [kind_index(name) for name in ("punctuation", "control", "format")])] = DROPPED
    table[kind == kind_index("space")] = DROPPED if "space" in ignore else SPACE
    table.flags.writeable = False
    return table


@inline_kernel
def _second_step(state: np.uint64, point: np.uint32) -> np.uint64:
    return (state ^ (np.uint64(point) | MARK)) * SECOND_STEP


@kernel
def _keys(
    points: npt.NDArray[np.uint32],
    fold: npt.NDArray[np.uint32],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    window: int,
    high: npt.NDArray[np.uint64],
    low: npt.NDArray[np.uint64],
    chars: npt.NDArray[np.int64],
) -> None:
    """Fill the keys (uint64[U]) and lengths (int64[U]) of the windows that begin with each unit; 0 where none fits."""
    for row in range(offsets.shape[0] - 1):
        for first in range(offsets[row], offsets[row + 1] - window + 1):
            one = np.uint64(0)
            two = np.uint64(0)
            length = 0
            for unit in range(first, first + window):
                if unit > first:
                    one = step(one, np.uint32(LINE_FEED))
                    two = _second_step(two, np.uint32(LINE_FEED))
                before = length
                spaced = False
                for at in range(start[unit], end[unit]):
                    point = fold[points[at]]
                    if point == DROPPED:
                        continue
                    if point == SPACE:
                        spaced = length > before
                        continue
                    if spaced:
                        one = step(one, SPACE)
                        two = _second_step(two, SPACE)
                        length += 1
                        spaced = False
                    one = step(one, point)
                    two = _second_step(two, point)
                    length += 1
            high[first] = finish(one)
            low[first] = finish(two)
            chars[first] = length
