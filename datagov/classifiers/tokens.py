"""Texts as fastText reads them: one line each, tokens between single spaces, cut as the card says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from datagov.text.kernel import kernel
from datagov.text.tables import kind_index, unicode_tables
from datagov.text.utf8 import encode_rows

if TYPE_CHECKING:
    from datagov.classifiers.card import Tokens
    from datagov.text.batch import TextBatch

__all__ = ["LABEL", "token_lines"]

LABEL = "__label__"
"""How fastText marks labels. A word of a text that begins so is read over when scoring, and left out in training."""

SPACE: Final = kind_index("space")
BLANK: Final = np.uint32(32)


@kernel
def _spaced(
    points: npt.NDArray[np.uint32],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    lower: npt.NDArray[np.uint32],
    to_lower: bool,
    out: npt.NDArray[np.uint32],
    ends: npt.NDArray[np.int64],
) -> None:
    """Write each document's words with a space between them; `ends` int64[N+1] says where each document stops.

    What stands inside a word and is white space to fastText (NUL and ASCII's spaces) is written as U+FFFD, so that the
    word stays one.
    """
    to = 0
    for d in range(offsets.size - 1):
        for w in range(offsets[d], offsets[d + 1]):
            if w > offsets[d]:
                out[to] = BLANK
                to += 1
            for at in range(np.uint64(start[w]), np.uint64(end[w])):
                c = points[at]
                if c == 0 or 9 <= c <= 13 or c == BLANK:
                    c = np.uint32(0xFFFD)
                elif to_lower and c < lower.size:
                    c = lower[c]
                out[to] = c
                to += 1
        ends[d + 1] = to


@kernel
def _characters(
    classes: npt.NDArray[np.uint8],
    kind: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    start: npt.NDArray[np.int32],
    first: npt.NDArray[np.int64],
) -> None:
    """Write the places of characters that are not white space; `first` int64[N+1] says where documents begin."""
    to = 0
    for d in range(offsets.size - 1):
        for at in range(offsets[d], offsets[d + 1]):
            if kind[classes[at]] != SPACE:
                start[to] = at
                to += 1
        first[d + 1] = to


def token_lines(batch: TextBatch, by: Tokens) -> list[str]:
    """Return each text of a batch as one line of tokens."""
    tables = unicode_tables()
    if by.cut == "as_is":
        # What fastText reads as the end of a line; \r, \v, \f and NUL are white space to it.
        lines = pc.replace_substring(batch.texts, "\n", " ")
        return (pc.utf8_lower(lines) if by.lower else lines).to_pylist()
    if by.cut == "words":
        words = batch.words
        start, end, offsets = words.start, words.end, words.offsets
    else:
        start = np.empty(len(batch.code_points), np.int32)
        offsets = np.zeros(batch.n + 1, np.int64)
        _characters(batch.classes, tables.kind, batch.offsets, start, offsets)
        start = start[: offsets[-1]]
        end = start + np.int32(1)
    out = np.empty(int((end - start).sum()) + len(start), np.uint32)
    ends = np.zeros(batch.n + 1, np.int64)
    _spaced(batch.code_points, start, end, offsets, tables.lower, by.lower, out, ends)
    return encode_rows(out[: ends[-1]], ends).to_pylist()
