"""Copying what was derived for a batch to a batch of some of its documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from datagov.text.kernel import kernel
from datagov.text.lines import Spans
from datagov.text.segments import Segments
from datagov.text.tokens import Tokens
from datagov.text.words import Words

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["carry_over"]


@kernel
def _gather(
    values: Any,
    offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    new_offsets: npt.NDArray[np.int64],
) -> Any:
    """Values of the chosen rows, end to end."""
    out = np.empty(new_offsets[-1], dtype=values.dtype)
    for to in range(rows.shape[0]):
        first = offsets[rows[to]]
        for at in range(new_offsets[to], new_offsets[to + 1]):
            out[at] = values[first + at - new_offsets[to]]
    return out


@kernel
def _gather_positions(
    values: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    new_offsets: npt.NDArray[np.int64],
    moved: npt.NDArray[np.int64],
) -> npt.NDArray[np.int32]:
    """As `_gather`, each row's positions moved by as much as its document moved."""
    out = np.empty(new_offsets[-1], dtype=np.int32)
    for to in range(rows.shape[0]):
        first = offsets[rows[to]]
        for at in range(new_offsets[to], new_offsets[to + 1]):
            out[at] = values[first + at - new_offsets[to]] + moved[to]
    return out


def _new_offsets(offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    new_offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(np.diff(offsets)[rows], out=new_offsets[1:])
    return new_offsets


def carry_over(old: TextBatch, new: TextBatch, rows: npt.NDArray[np.int64]) -> None:
    """Fill `new`, the documents `rows` (int64, ascending) of `old`, with what `old` has derived.

    `old` must be decoded.
    """
    have = old.__dict__
    offsets = _new_offsets(old.offsets, rows)
    moved = offsets[:-1] - old.offsets[rows]
    new.decoded = (_gather(old.code_points, old.offsets, rows, offsets), offsets)
    if "classes" in have:
        new.classes = _gather(old.classes, old.offsets, rows, offsets)
    if "script_counts" in have:
        new.script_counts = old.script_counts[rows]

    def values(array: Any, array_offsets: npt.NDArray[np.int64]) -> Any:
        return _gather(array, array_offsets, rows, _new_offsets(array_offsets, rows))

    def positions(
        array: npt.NDArray[np.int32], array_offsets: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int32]:
        return _gather_positions(array, array_offsets, rows, _new_offsets(array_offsets, rows), moved)

    if "lines" in have:
        lines = old.lines
        new.lines = Spans(
            start=positions(lines.start, lines.offsets),
            end=positions(lines.end, lines.offsets),
            offsets=_new_offsets(lines.offsets, rows),
        )
    if "segments" in have:
        segments = old.segments
        new.segments = Segments(
            start=positions(segments.start, segments.offsets),
            end=positions(segments.end, segments.offsets),
            kind=values(segments.kind, segments.offsets),
            offsets=_new_offsets(segments.offsets, rows),
        )
    if "words" in have:
        words = old.words
        new.words = Words(
            start=positions(words.start, words.offsets),
            end=positions(words.end, words.offsets),
            hash=values(words.hash, words.offsets),
            flags=values(words.flags, words.offsets),
            offsets=_new_offsets(words.offsets, rows),
        )
    if "tokens" in have:
        tokens = old.tokens
        new.tokens = Tokens(
            hash=values(tokens.hash, tokens.offsets), offsets=_new_offsets(tokens.offsets, rows)
        )
