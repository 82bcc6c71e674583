"""The units that deduplication cuts texts into: lines, paragraphs, sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from datagov.signals.sentences import CLOSES, ENDS, ENDS_BEFORE_SPACE, marks
from datagov.text.kernel import Integer, kernel
from datagov.text.lines import LINE_FEED, Spans
from datagov.text.tables import kind_index, unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["UNITS", "units_of"]

UNITS: Final = ("line", "paragraph", "sentences")

LETTER: Final = kind_index("letter")
NUMBER: Final = kind_index("number")
SPACE: Final = kind_index("space")


def units_of(batch: TextBatch, unit: str) -> Spans:
    """Return the units of every document, in order; none overlap.

    Parameters
    ----------
    batch : TextBatch
    unit : str
        `line`: what lies between line feeds. `paragraph`: what lies between blank lines, which hold white
        space only. `sentences`: what `sentence_count` counts, each from its first visible character to its
        mark, and the marks and closing quotes that follow; stretches without a letter or number are in none.
    """
    if unit == "line":
        return batch.lines
    kind = unicode_tables().kind
    if unit == "paragraph":
        lines = batch.lines
        found = _paragraphs(batch.classes, kind, lines.start, lines.end, lines.offsets)
    elif unit == "sentences":
        found = _sentences(batch.code_points, batch.classes, batch.offsets, kind, marks())
    else:
        raise ValueError(f"no unit {unit!r}")
    return Spans(*found)


@kernel
def _paragraphs(
    classes: npt.NDArray[np.uint8],
    kind: npt.NDArray[np.uint8],
    line_start: npt.NDArray[np.int32],
    line_end: npt.NDArray[np.int32],
    line_offsets: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Return starts, ends and offsets of the runs of lines that are not blank."""
    start = np.empty(line_start.shape[0], np.int32)
    end = np.empty(line_start.shape[0], np.int32)
    offsets = np.zeros(line_offsets.shape[0], np.int64)
    count = 0
    for row in range(line_offsets.shape[0] - 1):
        inside = False
        for line in range(line_offsets[row], line_offsets[row + 1]):
            at = line_start[line]
            while at < line_end[line] and kind[classes[at]] == SPACE:
                at += 1
            if at == line_end[line]:
                inside = False
                continue
            if not inside:
                start[count] = line_start[line]
                count += 1
            inside = True
            end[count - 1] = line_end[line]
        offsets[row + 1] = count
    return start[:count], end[:count], offsets


@kernel
def _sentences(
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    kind: npt.NDArray[np.uint8],
    marks: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Return starts, ends and offsets of the sentences; the rules are those of `signals.sentences.count_sentences`."""
    most = points.shape[0]
    start = np.empty(most, np.int32)
    end = np.empty(most, np.int32)
    found = np.zeros(offsets.shape[0], np.int64)
    count = 0
    for row in range(offsets.shape[0] - 1):
        stop = offsets[row + 1]
        first: Integer = np.int64(-1)
        last: Integer = offsets[row]
        worded = False
        for at in range(offsets[row], stop):
            point = points[at]
            if point == LINE_FEED:
                if worded:
                    start[count], end[count] = first, last
                    count += 1
                worded = False
                first = np.int64(-1)
                continue
            kind_here = kind[classes[at]]
            if kind_here == SPACE:
                continue
            mark = marks[point] if point < marks.size else np.uint8(0)
            closing = mark & (ENDS | ENDS_BEFORE_SPACE | CLOSES) != 0
            if first < 0 and closing and count > found[row] and end[count - 1] == at:
                # Marks and quotes right behind a sentence belong to it.
                end[count - 1] = at + 1
                continue
            if first < 0:
                first = at
            last = at + 1
            if kind_here in (LETTER, NUMBER):
                worded = True
                continue
            ends = mark & ENDS != 0
            if worded and mark & ENDS_BEFORE_SPACE != 0:
                after = at + 1
                while after < stop and points[after] < marks.size and marks[points[after]] & CLOSES != 0:
                    after += 1
                ends = after == stop or kind[classes[after]] == SPACE
            if ends and worded:
                start[count], end[count] = first, last
                count += 1
                first = np.int64(-1)
                worded = False
        if worded:
            start[count], end[count] = first, last
            count += 1
        found[row + 1] = count
    return start[:count], end[:count], found
