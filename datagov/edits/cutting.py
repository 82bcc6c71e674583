"""Cutting stretches out of texts: the one way in which edits remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.edits.edited import STRETCHES, Edited, changes, replaced
from datagov.text.batch import TextBatch
from datagov.text.kernel import Integer, inline_kernel, kernel
from datagov.text.lines import LINE_FEED, Spans
from datagov.text.tables import kind_index, unicode_tables
from datagov.text.utf8 import encode_rows

__all__ = ["cut_stretches", "cut_units", "mark"]

SPACE: Final = kind_index("space")


@kernel
def _keep(
    points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    gone: npt.NDArray[np.uint8],
    rows: npt.NDArray[np.int64],
    out: npt.NDArray[np.uint32],
    new_offsets: npt.NDArray[np.int64],
) -> None:
    """Write the characters of the chosen rows that are not gone, end to end."""
    to = 0
    for at_row in range(rows.shape[0]):
        for at in range(offsets[rows[at_row]], offsets[rows[at_row] + 1]):
            out[to] = points[at]
            to += 1 - gone[at]
        new_offsets[at_row + 1] = to


@kernel
def mark(start: npt.NDArray[np.int64], end: npt.NDArray[np.int64], gone: npt.NDArray[np.uint8]) -> None:
    """Set `gone` (uint8[C]) to 1 within the spans (int64[S])."""
    for span in range(start.shape[0]):
        gone[start[span] : end[span]] = 1


@inline_kernel
def _breaks(points: npt.NDArray[np.uint32], start: Integer, stop: Integer) -> bool:
    """Whether there is a line feed in `points[start:stop]`."""
    found = False
    for at in range(start, stop):
        found = found or points[at] == LINE_FEED
    return found


@kernel
def _unit_cuts(
    points: npt.NDArray[np.uint32],
    space: npt.NDArray[np.bool_],
    classes: npt.NDArray[np.uint8],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    dropped: npt.NDArray[np.bool_],
    cut_start: npt.NDArray[np.int64],
    cut_end: npt.NDArray[np.int64],
) -> None:
    """Fill int64[U]: what has to go with each dropped unit, so that the others stay joined as units are.

    Of the white space before and after a run of dropped units that before it stays, unless only that after it
    breaks the line.
    """
    for row in range(offsets.shape[0] - 1):
        stop = offsets[row + 1]
        unit = offsets[row]
        while unit < stop:
            if not dropped[unit]:
                unit += 1
                continue
            first = last = unit
            while last + 1 < stop and dropped[last + 1]:
                last += 1
            follows = last + 1 < stop
            backward = first > offsets[row] and not follows
            if first > offsets[row] and follows:
                backward = _breaks(points, end[last], start[last + 1]) and not _breaks(
                    points, end[first - 1], start[first]
                )
            for each in range(first, last + 1):
                cut_start[each] = start[each]
                cut_end[each] = end[each]
                if backward:
                    while cut_start[each] > end[each - 1] and space[classes[cut_start[each] - 1]]:
                        cut_start[each] -= 1
                elif each < last or follows:
                    while cut_end[each] < start[each + 1] and space[classes[cut_end[each]]]:
                        cut_end[each] += 1
            unit = last + 1


def _cut(
    batch: TextBatch,
    row: npt.NDArray[np.int64],
    rule: npt.NDArray[np.int64],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    rules: Sequence[str],
    counts: Mapping[str, npt.NDArray[np.int64]],
) -> Edited:
    """Remove stretches: row of the document, index into `rules` and positions in the batch, int64[S] each."""
    gone = np.zeros(len(batch.code_points), np.uint8)
    mark(start, end, gone)
    changed = np.zeros(batch.n, np.bool_)
    changed[row] = True
    rows = np.flatnonzero(changed)
    # One place more than there are characters: a character is written before it is known to stay.
    out = np.empty(int(batch.chars[rows].sum()) + 1, np.uint32)
    new_offsets = np.zeros(len(rows) + 1, np.int64)
    _keep(batch.code_points, batch.offsets, gone, rows, out, new_offsets)
    texts = replaced(batch.texts, changed, encode_rows(out[: int(new_offsets[-1])], new_offsets))
    order = np.lexsort((rule, end, start))
    first = batch.offsets[row[order]]
    names = pa.array(rules, pa.string()).take(pa.array(rule[order]))
    spans = pa.RecordBatch.from_arrays(
        [pa.array(row[order]), names, pa.array(start[order] - first), pa.array(end[order] - first)],
        schema=STRETCHES,
    )
    return Edited(texts, changes(batch.texts, texts, changed, **counts), spans)


def cut_stretches(
    batch: TextBatch,
    row: npt.NDArray[np.int64],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    rule: str,
    *,
    counted: str,
) -> Edited:
    """Remove stretches of characters as they stand; those that overlap or touch are one.

    Parameters
    ----------
    batch : TextBatch
    row, start, end : int64[S]
        Their documents and positions in the batch's code points, by start; none is empty.
    rule : str
    counted : str
        The name of the count of stretches that go.
    """
    reach = np.maximum.accumulate(end)
    fresh = np.ones(len(row), np.bool_)
    fresh[1:] = (row[1:] != row[:-1]) | (start[1:] > reach[:-1])
    firsts = np.flatnonzero(fresh)
    row, start = row[firsts], start[firsts]
    end = reach[np.append(firsts[1:], len(fresh))[: len(firsts)] - 1]
    counts = {counted: np.bincount(row, minlength=batch.n).astype(np.int64)}
    return _cut(batch, row, np.zeros(len(row), np.int64), start, end, [rule], counts)


def cut_units(
    batch: TextBatch,
    units: Spans,
    crossed: npt.NDArray[np.uint32],
    rules: Sequence[str],
    *,
    counted: str,
    within: tuple[str, str, npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None,
    beside: Mapping[str, npt.NDArray[np.int64]] | None = None,
) -> Edited:
    """Remove units such as lines, each with the white space that joined it to the others.

    Parameters
    ----------
    batch : TextBatch
    units : Spans
        U stretches in order, such as `batch.lines`; nothing but white space joins units that lie side by side.
    crossed : uint32[U]
        For each unit, a bit for each of `rules` that it goes by; 0 keeps it.
    rules : sequence of str
        At most 32.
    counted : str
        The name of the count of units that go.
    within : (rule, count, start int64[S], end int64[S]) or None
        Stretches inside units that go as well where their unit stays: their rule, the name of their
        count, and their positions in the batch's code points.
    beside : name -> int64[N], or None
        Counts of the edit's own that follow these.

    Returns
    -------
    Edited
        What is left is the kept units, joined as they were (lines by a line feed); nothing, where none is kept.
        Its counts are `counted`, that of `within` and those `beside` them.
    """
    dropped = crossed != 0
    cut_start, cut_end = np.zeros(len(crossed), np.int64), np.zeros(len(crossed), np.int64)
    _unit_cuts(
        batch.code_points,
        unicode_tables().kind == SPACE,
        batch.classes,
        units.start,
        units.end,
        units.offsets,
        dropped,
        cut_start,
        cut_end,
    )
    row_of = np.repeat(np.arange(batch.n), np.diff(units.offsets))
    # An empty line with no line feed to take with it is no removal.
    dropped &= cut_end > cut_start
    counts = {counted: np.bincount(row_of[dropped], minlength=batch.n).astype(np.int64)}
    chosen = np.flatnonzero(dropped)
    bits = (crossed[chosen, None] >> np.arange(len(rules), dtype=np.uint32)) & np.uint32(1)
    at, rule = np.nonzero(bits)
    unit = chosen[at]
    row, start, end = row_of[unit], cut_start[unit], cut_end[unit]
    if within is not None:
        name, count, their_start, their_end = within
        their_unit = np.searchsorted(units.start, their_start, side="right") - 1
        stays = ~dropped[their_unit]
        their_row = row_of[their_unit[stays]]
        counts[count] = np.bincount(their_row, minlength=batch.n).astype(np.int64)
        row = np.concatenate([row, their_row])
        rule = np.concatenate([rule, np.full(len(their_row), len(rules), np.int64)])
        start = np.concatenate([start, their_start[stays]])
        end = np.concatenate([end, their_end[stays]])
        rules = [*rules, name]
    return _cut(batch, row, rule, start, end, rules, counts | dict(beside or {}))
