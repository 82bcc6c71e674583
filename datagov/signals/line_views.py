"""Lines as line rules see them: without citations, without the white space around, in lower case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from datagov.text.kernel import kernel
from datagov.text.segments import ALL_SYMBOL
from datagov.text.tables import LOWER_LIMIT, kind_index, unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["CITATIONS", "LineView", "citation_marks", "view", "words_a_line"]

CITATIONS: Final = ("edit", "citation needed", "编辑", "編輯", "来源请求", "來源請求")
"""What may stand in square brackets, besides digits or nothing, for the brackets to be a citation mark
of Wikipedia. The Chinese ones are ours; the others are C4's."""

SPACE: Final = kind_index("space")
OPEN, CLOSE = ord("["), ord("]")


@dataclass(frozen=True, eq=False)
class LineView:
    """L lines, condensed: line i is `points[start[i]:end[i]]`, in lower case and stripped."""

    points: npt.NDArray[np.uint32]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    upper: npt.NDArray[np.int64]
    """int64[L]: letters that have a lower case other than themselves."""
    letters: npt.NDArray[np.int64]
    """int64[L]: letters (general category L*)."""
    longest: npt.NDArray[np.int64]
    """int64[L]: characters of the longest run without white space."""


@kernel
def _cite(
    points: npt.NDArray[np.uint32],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    marks: npt.NDArray[np.uint32],
    mark_offsets: npt.NDArray[np.int64],
    found_start: npt.NDArray[np.int64],
    found_end: npt.NDArray[np.int64],
) -> int:
    """Write where citation marks stand; return how many there are."""
    found = 0
    for line in range(start.shape[0]):
        at = np.int64(start[line])
        while at < end[line]:
            if points[at] != OPEN:
                at += 1
                continue
            close = at + 1
            while close < end[line] and 0x30 <= points[close] <= 0x39:
                close += 1
            matched = close < end[line] and points[close] == CLOSE
            for mark in range(mark_offsets.shape[0] - 1):
                if matched:
                    break
                size = mark_offsets[mark + 1] - mark_offsets[mark]
                close = at + 1 + size
                matched = close < end[line] and points[close] == CLOSE
                for k in range(size):
                    if not matched:
                        break
                    matched = points[at + 1 + k] == marks[mark_offsets[mark] + k]
            if matched:
                found_start[found] = at
                found_end[found] = close + 1
                found += 1
                at = close + 1
            else:
                at += 1
    return found


def citation_marks(batch: TextBatch) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return start and end (int64[S], positions in the batch) of the citation marks: [12], [], [edit], ...

    Digits are ASCII; marks are matched as written, upper and lower case apart.

    Source
    ------
    Raffel et al. 2020, arXiv 1910.10683 (C4); the expression of datatrove 0.10.1, c4_filters.py.
    """
    marks = np.array([ord(character) for character in "".join(CITATIONS)], np.uint32)
    offsets = np.cumsum([0, *map(len, CITATIONS)]).astype(np.int64)
    most = int(np.count_nonzero(batch.code_points == OPEN))
    start, end = np.empty(most, np.int64), np.empty(most, np.int64)
    found = _cite(batch.code_points, batch.lines.start, batch.lines.end, marks, offsets, start, end)
    return start[:found], end[:found]


@kernel
def _view(
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    gone: npt.NDArray[np.uint8],
    kind: npt.NDArray[np.uint8],
    lower: npt.NDArray[np.uint32],
    letter: int,
    out: npt.NDArray[np.uint32],
    new_start: npt.NDArray[np.int64],
    new_end: npt.NDArray[np.int64],
    upper: npt.NDArray[np.int64],
    letters: npt.NDArray[np.int64],
    longest: npt.NDArray[np.int64],
) -> None:
    """Fill the arrays of a `LineView`."""
    to = 0
    for line in range(start.shape[0]):
        new_start[line] = to
        stripped = to
        run = 0
        most = 0
        large = 0
        alphabetic = 0
        for at in range(start[line], end[line]):
            if gone[at]:
                continue
            point = points[at]
            of = kind[classes[at]]
            if of == SPACE:
                run = 0
                if to == new_start[line]:
                    continue
            else:
                run += 1
                most = max(most, run)
            if of == letter:
                alphabetic += 1
                if point < LOWER_LIMIT and lower[point] != point:
                    large += 1
            out[to] = lower[point] if point < LOWER_LIMIT else point
            to += 1
            if of != SPACE:
                stripped = to
        new_end[line] = stripped
        to = stripped
        upper[line] = large
        letters[line] = alphabetic
        longest[line] = most


def view(batch: TextBatch, gone: npt.NDArray[np.uint8]) -> LineView:
    """Return the lines of a batch, without the characters where `gone` (uint8[C]) is 1."""
    lines = batch.lines
    tables = unicode_tables()
    total = len(lines.start)
    out = np.empty(len(batch.code_points) + 1, np.uint32)
    start, end, upper, letters, longest = (np.zeros(total, np.int64) for _ in range(5))
    letter = kind_index("letter")
    _view(
        batch.code_points,
        batch.classes,
        lines.start,
        lines.end,
        gone,
        tables.kind,
        tables.lower,
        letter,
        out,
        start,
        end,
        upper,
        letters,
        longest,
    )
    return LineView(out, start, end, upper, letters, longest)


@kernel
def _count_words(
    word_start: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint8],
    end: npt.NDArray[np.int32],
    gone: npt.NDArray[np.uint8],
    symbol: int,
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill int64[L]: words that begin in each line."""
    line = 0
    for word in range(word_start.shape[0]):
        while end[line] <= word_start[word]:
            line += 1
        counts[line] += not (flags[word] & symbol) and not gone[word_start[word]]


def words_a_line(
    batch: TextBatch, gone: npt.NDArray[np.uint8], wanted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Return int64[L]: words of each line, punctuation and symbols not counted, nor what is `gone`.

    Only documents with a line of `wanted` (bool[L]) are cut into words; lines of the others have 0.
    """
    counts = np.zeros(len(wanted), np.int64)
    row_of = np.repeat(np.arange(batch.n), np.diff(batch.lines.offsets))
    asked = np.bincount(row_of[wanted], minlength=batch.n) > 0
    part, part_gone = batch, gone
    if "words" not in batch.__dict__ and not asked.all():
        part = batch.select(asked)
        part_gone = gone[np.repeat(asked, batch.chars)]
    else:
        asked[:] = True
    found = np.zeros(len(part.lines.start), np.int64)
    _count_words(part.words.start, part.words.flags, part.lines.end, part_gone, ALL_SYMBOL, found)
    counts[asked[row_of]] = found
    return counts
