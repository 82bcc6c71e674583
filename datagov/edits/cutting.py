"""Cutting stretches out of texts: the one way in which edits remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.edits.edited import STRETCHES, Edited, changes, replaced
from datagov.text.batch import TextBatch
from datagov.text.kernel import kernel
from datagov.text.utf8 import encode_rows

__all__ = ["cut_lines", "mark"]


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


@kernel
def _line_cuts(
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    dropped: npt.NDArray[np.bool_],
    cut_start: npt.NDArray[np.int64],
    cut_end: npt.NDArray[np.int64],
) -> None:
    """Fill int64[L]: what has to go with each dropped line, so that the others stay joined by one line feed."""
    for row in range(offsets.shape[0] - 1):
        last_kept = offsets[row] - 1
        for line in range(offsets[row], offsets[row + 1]):
            if not dropped[line]:
                last_kept = line
        for line in range(offsets[row], offsets[row + 1]):
            cut_start[line] = start[line]
            cut_end[line] = end[line]
            if line < last_kept or (last_kept < offsets[row] and line + 1 < offsets[row + 1]):
                cut_end[line] += 1
            elif last_kept >= offsets[row] and line > last_kept:
                cut_start[line] -= 1


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


def cut_lines(
    batch: TextBatch,
    crossed: npt.NDArray[np.uint32],
    rules: Sequence[str],
    *,
    within: tuple[str, str, npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None,
) -> Edited:
    """Remove lines, each with the line feed that joined it to the others.

    Parameters
    ----------
    batch : TextBatch
    crossed : uint32[L]
        For each of `batch.lines`, a bit for each of `rules` that it goes by; 0 keeps it.
    rules : sequence of str
        At most 32.
    within : (rule, count, start int64[S], end int64[S]) or None
        Stretches inside lines that go as well where their line stays: their rule, the name of their
        count, and their positions in the batch's code points.

    Returns
    -------
    Edited
        What is left is the kept lines joined by line feeds; nothing, where none is kept. Its counts
        are `lines_removed` and that of `within`.
    """
    lines = batch.lines
    dropped = crossed != 0
    cut_start, cut_end = np.zeros(len(crossed), np.int64), np.zeros(len(crossed), np.int64)
    _line_cuts(lines.start, lines.end, lines.offsets, dropped, cut_start, cut_end)
    row_of = np.repeat(np.arange(batch.n), np.diff(lines.offsets))
    # An empty line with no line feed to take with it is no removal.
    dropped &= cut_end > cut_start
    counts = {"lines_removed": np.bincount(row_of[dropped], minlength=batch.n).astype(np.int64)}
    chosen = np.flatnonzero(dropped)
    bits = (crossed[chosen, None] >> np.arange(len(rules), dtype=np.uint32)) & np.uint32(1)
    at, rule = np.nonzero(bits)
    line = chosen[at]
    row, start, end = row_of[line], cut_start[line], cut_end[line]
    if within is not None:
        name, count, their_start, their_end = within
        their_line = np.searchsorted(lines.start, their_start, side="right") - 1
        stays = ~dropped[their_line]
        their_row = row_of[their_line[stays]]
        counts[count] = np.bincount(their_row, minlength=batch.n).astype(np.int64)
        row = np.concatenate([row, their_row])
        rule = np.concatenate([rule, np.full(len(their_row), len(rules), np.int64)])
        start = np.concatenate([start, their_start[stays]])
        end = np.concatenate([end, their_end[stays]])
        rules = [*rules, name]
    return _cut(batch, row, rule, start, end, rules, counts)
