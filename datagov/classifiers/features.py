"""Hashed n-grams of characters and words, counted document by document: what linear classifiers weigh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from datagov.text.hashing import finish, step
from datagov.text.kernel import Integer, kernel
from datagov.text.tables import kind_index, unicode_tables

if TYPE_CHECKING:
    from datagov.classifiers.card import Features
    from datagov.text.batch import TextBatch

__all__ = ["Scanned", "count_document", "feature_rows", "room", "scanned"]

BLANK: Final = np.uint32(32)
SPACE: Final = kind_index("space")
WORD_STATE: Final = np.uint64(0x9E3779B97F4A7C15)
"""State before the first character of a word, so that words and character n-grams are different features."""

Scanned = tuple[
    npt.NDArray[np.uint32],
    npt.NDArray[np.uint8],
    npt.NDArray[np.int64],
    npt.NDArray[np.uint8],
    npt.NDArray[np.uint32],
    npt.NDArray[np.int32],
    npt.NDArray[np.int32],
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
]
"""What kernels read of a batch: its code points, their classes, offsets, kinds of classes, lower-case letters, words'
starts, ends and offsets, and the sizes int64[4]: smallest and largest character n-gram (0, 0: none), largest word
n-gram, bits of the table."""


def scanned(batch: TextBatch, features: Features) -> Scanned:
    """Return what kernels read of a batch."""
    tables = unicode_tables()
    if features.words:
        words = batch.words
        spans = words.start, words.end, words.offsets
    else:
        none = np.zeros(0, np.int32)
        spans = none, none, np.zeros(batch.n + 1, np.int64)
    chars = features.chars or (0, 0)
    sizes = np.array([*chars, features.words, features.bits], np.int64)
    return batch.code_points, batch.classes, batch.offsets, tables.kind, tables.lower, *spans, sizes


@kernel
def count_document(
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    kind: npt.NDArray[np.uint8],
    lower: npt.NDArray[np.uint32],
    word_start: npt.NDArray[np.int32],
    word_end: npt.NDArray[np.int32],
    word_offsets: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    d: Integer,
    text: npt.NDArray[np.uint32],
    counts: npt.NDArray[np.uint32],
    seen: npt.NDArray[np.int32],
) -> Integer:
    """Count the features of document `d`.

    Adds to `counts` uint32[2**bits], which is zero before; writes the places that are not zero any more to `seen`
    int32[2**bits], in the order in which they first occur, and returns how many they are. None for a text without a
    character besides white space. `text` uint32[at least chars + 2] is room to work in.
    """
    smallest, largest, words = sizes[0], sizes[1], sizes[2]
    shift = np.uint64(64 - sizes[3])
    found = np.int64(0)
    length = np.int64(1)
    text[0] = BLANK
    for at in range(np.uint64(offsets[d]), np.uint64(offsets[d + 1])):
        c = points[at]
        if kind[classes[at]] == SPACE:
            if text[length - 1] != BLANK:
                text[length] = BLANK
                length += 1
            continue
        text[length] = lower[c] if c < lower.size else c
        length += 1
    if length == 1:
        return found
    if text[length - 1] != BLANK:
        text[length] = BLANK
        length += 1
    if largest > 0:
        for at in range(length):
            state = np.uint64(0)
            for size in range(1, min(largest, length - at) + 1):
                state = step(state, text[at + size - 1])
                if size >= smallest:
                    place = np.int64(finish(state) >> shift)
                    if counts[place] == 0:
                        seen[found] = place
                        found += 1
                    counts[place] += np.uint32(1)
    for w in range(word_offsets[d], word_offsets[d + 1]):
        state = WORD_STATE
        for size in range(min(words, word_offsets[d + 1] - w)):
            if size > 0:
                state = step(state, BLANK)
            for at in range(np.uint64(word_start[w + size]), np.uint64(word_end[w + size])):
                c = points[at]
                state = step(state, lower[c] if c < lower.size else c)
            place = np.int64(finish(state) >> shift)
            if counts[place] == 0:
                seen[found] = place
                found += 1
            counts[place] += np.uint32(1)
    return found


@kernel
def _rows(
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    kind: npt.NDArray[np.uint8],
    lower: npt.NDArray[np.uint32],
    word_start: npt.NDArray[np.int32],
    word_end: npt.NDArray[np.int32],
    word_offsets: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    text: npt.NDArray[np.uint32],
    columns: npt.NDArray[np.int32],
    values: npt.NDArray[np.uint32],
    ends: npt.NDArray[np.int64],
) -> None:
    """Write the features of all documents one after the other; `ends` int64[N+1] says where each stops."""
    counts = np.zeros(1 << sizes[3], np.uint32)
    seen = np.empty(1 << sizes[3], np.int32)
    for d in range(offsets.size - 1):
        found = count_document(
            points,
            classes,
            offsets,
            kind,
            lower,
            word_start,
            word_end,
            word_offsets,
            sizes,
            d,
            text,
            counts,
            seen,
        )
        at = ends[d]
        for i in range(found):
            columns[at + i] = seen[i]
            values[at + i] = counts[seen[i]]
            counts[seen[i]] = 0
        ends[d + 1] = at + found


def feature_rows(
    batch: TextBatch, features: Features
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Return the features of a batch as the rows of a sparse matrix.

    Returns
    -------
    values uint32[F], columns int32[F], offsets int64[N+1]
        Row i has `values[j]` in column `columns[j]` for j in `offsets[i]:offsets[i+1]`.
    """
    read = scanned(batch, features)
    sizes = 0 if features.chars is None else features.chars[1] - features.chars[0] + 1
    words = features.words and int(batch.words.offsets[-1]) * features.words
    most = (len(batch.code_points) + 2 * batch.n) * sizes + words
    columns, values = np.empty(most, np.int32), np.empty(most, np.uint32)
    ends = np.zeros(batch.n + 1, np.int64)
    _rows(*read, room(batch), columns, values, ends)
    return values[: ends[-1]].copy(), columns[: ends[-1]].copy(), ends


def room(batch: TextBatch) -> npt.NDArray[np.uint32]:
    """Return room for the longest text with a space before and after."""
    return np.empty(int(batch.chars.max(initial=0)) + 2, np.uint32)
