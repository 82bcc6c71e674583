"""Lines: what lies between line feeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datagov.text.kernel import kernel

__all__ = ["Spans", "line_spans"]

LINE_FEED = 0x0A


@dataclass(frozen=True, eq=False)
class Spans:
    """Stretches of text: the spans of document i are rows `offsets[i]:offsets[i+1]`.

    `start` and `end` (exclusive) are positions in the batch's code points.
    """

    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]


@kernel
def _count(points: npt.NDArray[np.uint32], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """int64[N+1]: offsets of the lines of each document."""
    n = offsets.shape[0] - 1
    line_offsets = np.zeros(n + 1, dtype=np.int64)
    for row in range(n):
        count = 1
        for point in points[offsets[row] : offsets[row + 1]]:
            count += point == LINE_FEED
        line_offsets[row + 1] = line_offsets[row] + count
    return line_offsets


@kernel
def _fill(
    points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
) -> None:
    """Write the spans of all lines."""
    line = 0
    for row in range(offsets.shape[0] - 1):
        start[line] = offsets[row]
        for at in range(offsets[row], offsets[row + 1]):
            if points[at] == LINE_FEED:
                end[line] = at
                line += 1
                start[line] = at + 1
        end[line] = offsets[row + 1]
        line += 1


def line_spans(points: npt.NDArray[np.uint32], offsets: npt.NDArray[np.int64]) -> Spans:
    """Return the span of every line, without its line feed.

    A document has one line more than it has line feeds: an empty document has one empty line. A
    carriage return is an ordinary character.

    Parameters
    ----------
    points : uint32[C]
    offsets : int64[N+1]
    """
    line_offsets = _count(points, offsets)
    total = int(line_offsets[-1])
    spans = Spans(np.empty(total, dtype=np.int32), np.empty(total, dtype=np.int32), line_offsets)
    _fill(points, offsets, spans.start, spans.end)
    return spans
