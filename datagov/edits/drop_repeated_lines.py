"""The edit `drop_repeated_lines`: a document says each line once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from datagov.edits.cutting import cut_units
from datagov.edits.edited import Edited
from datagov.text.hashing import hash_points
from datagov.text.kernel import Integer, kernel
from datagov.text.tables import kind_index, unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["COUNTS", "RULE", "apply"]

COUNTS = ("lines_removed",)
RULE: Final = "repeated_line"

SPACE: Final = kind_index("space")


@kernel
def _same(points: npt.NDArray[np.uint32], a: Integer, a_end: Integer, b: Integer, b_end: Integer) -> bool:
    """Whether two stretches hold the same characters."""
    if a_end - a != b_end - b:
        return False
    k = 0
    while k < a_end - a and points[a + k] == points[b + k]:
        k += 1
    return bool(k == a_end - a)


@kernel
def _repeated(
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    kind: npt.NDArray[np.uint8],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    min_chars: int,
    adjacent: bool,
    found: npt.NDArray[np.uint32],
) -> None:
    """Mark lines that stand earlier in their document; lines are compared stripped, by their characters."""
    most = 0
    for row in range(offsets.shape[0] - 1):
        most = max(most, offsets[row + 1] - offsets[row])
    size = 1
    while size < 2 * most:
        size *= 2
    table = np.empty(size, np.int64)
    first = np.empty(most, np.int64)
    last = np.empty(most, np.int64)
    for row in range(offsets.shape[0] - 1):
        count = offsets[row + 1] - offsets[row]
        used = 1
        while used < 2 * count:
            used *= 2
        table[:used] = -1
        mask = np.uint64(used - 1)
        previous: Integer = np.int64(-1)
        for here in range(count):
            line = offsets[row] + here
            a: Integer = np.int64(start[line])
            b: Integer = np.int64(end[line])
            while a < b and kind[classes[a]] == SPACE:
                a += 1
            while b > a and kind[classes[b - 1]] == SPACE:
                b -= 1
            first[here], last[here] = a, b
            if b == a or b - a < min_chars:
                if b > a:
                    previous = here
                continue
            if adjacent:
                if previous >= 0 and _same(points, a, b, first[previous], last[previous]):
                    found[line] = 1
                previous = here
                continue
            place = hash_points(points, a, b) & mask
            while table[place] >= 0:
                other = table[place]
                if _same(points, a, b, first[other], last[other]):
                    found[line] = 1
                    break
                place = (place + np.uint64(1)) & mask
            if not found[line]:
                table[place] = here


def apply(batch: TextBatch, *, min_chars: int = 1, adjacent: bool = False) -> Edited:
    """Remove lines that stand earlier in the same document; the first one stays.

    Lines are the same if they hold the same characters, white space at their ends aside. Blank lines
    are never removed.

    Parameters
    ----------
    batch : TextBatch
    min_chars : int
        Shorter lines stay, however often they are repeated.
    adjacent : bool
        Only lines that repeat the line before them, blank ones passed over.

    Returns
    -------
    Edited
        With spans, all of the rule `repeated_line`.
    """
    lines = batch.lines
    found = np.zeros(len(lines.start), np.uint32)
    _repeated(
        batch.code_points,
        batch.classes,
        unicode_tables().kind,
        lines.start,
        lines.end,
        lines.offsets,
        min_chars,
        adjacent,
        found,
    )
    return cut_units(batch, lines, found, [RULE], counted="lines_removed")
