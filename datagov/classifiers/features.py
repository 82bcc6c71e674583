"""N-grams of characters and words, each known by its 64-bit hash: what linear classifiers weigh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from datagov.text.hashing import finish, step
from datagov.text.kernel import Integer, inline_kernel, kernel
from datagov.text.tables import kind_index, unicode_tables

if TYPE_CHECKING:
    from datagov.classifiers.card import NGrams
    from datagov.text.batch import TextBatch

__all__ = ["Scanned", "Table", "count_document", "feature_keys", "room", "scanned", "table_of"]

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
starts, ends and offsets, and the sizes int64[3]: smallest and largest character n-gram (0, 0: none), largest word
n-gram."""

Table = npt.NDArray[np.uint64]
"""uint64[2**b], a hash table by the upper bits of keys, the next place where one is taken: the lower half of a key above,
the feature that it is below; 0 where there is none. One read finds both."""

LOW: Final = np.uint64(0xFFFFFFFF)
HALF: Final = np.uint64(32)


def scanned(batch: TextBatch, features: NGrams) -> Scanned:
    """Return what kernels read of a batch."""
    tables = unicode_tables()
    if features.words:
        words = batch.words
        spans = words.start, words.end, words.offsets
    else:
        none = np.zeros(0, np.int32)
        spans = none, none, np.zeros(batch.n + 1, np.int64)
    sizes = np.array([*(features.chars or (0, 0)), features.words], np.int64)
    return batch.code_points, batch.classes, batch.offsets, tables.kind, tables.lower, *spans, sizes


def room(batch: TextBatch) -> npt.NDArray[np.uint32]:
    """Return room for the longest text with a space before and after."""
    return np.empty(int(batch.chars.max(initial=0)) + 2, np.uint32)


def table_of(keys: npt.NDArray[np.uint64]) -> Table:
    """Return a table in which key i is feature i, at most half full."""
    size = 16
    while size < 2 * len(keys):
        size *= 2
    table = np.zeros(size, np.uint64)
    _fill(keys, table)
    return table


@inline_kernel
def _shift(size: Integer) -> np.uint64:
    """Return by how much a key is shifted to give its place in a table of this size, a power of two."""
    shift = np.uint64(64)
    while size > 1:
        shift -= np.uint64(1)
        size //= 2
    return shift


@kernel
def _fill(keys: npt.NDArray[np.uint64], table: npt.NDArray[np.uint64]) -> None:
    """Write keys to their places."""
    shift, mask = _shift(table.size), np.uint64(table.size - 1)
    for feature in range(keys.size):
        slot = keys[feature] >> shift
        while table[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = (keys[feature] << HALF) | np.uint64(feature)


@kernel
def _normal_text(
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    ends: npt.NDArray[np.int64],
    kind: npt.NDArray[np.uint8],
    lower: npt.NDArray[np.uint32],
    text: npt.NDArray[np.uint32],
) -> Integer:
    """Write `points[ends[0]:ends[1]]` in lower case, white space as one space, one before and after; return its length, 0 if blank."""
    length = np.int64(1)
    text[0] = BLANK
    for at in range(np.uint64(ends[0]), np.uint64(ends[1])):
        c = points[at]
        if kind[classes[at]] == SPACE:
            if text[length - 1] != BLANK:
                text[length] = BLANK
                length += 1
            continue
        text[length] = lower[c] if c < lower.size else c
        length += 1
    if length == 1:
        return 0
    if text[length - 1] != BLANK:
        text[length] = BLANK
        length += 1
    return length


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
    table: npt.NDArray[np.uint64],
    counts: npt.NDArray[np.uint32],
    seen: npt.NDArray[np.int32],
    keys: npt.NDArray[np.uint64],
) -> Integer:
    """Count the features of document `d`, or list the keys of all its n-grams.

    With a `Table`: adds to `counts` uint32[F], which is zero before; writes the features that
    are not zero any more to `seen` int32[F], in the order in which they first occur, and returns how many they are.
    With an empty one: writes the keys of all n-grams, repeated ones too, to `keys`, and returns their number.
    A longer n-gram is in no more documents than its beginning, and training keeps those in enough documents: so none is
    looked for whose beginning is no feature. -1 for a text of nothing but white space. `text` uint32[at least chars + 2] is room to work in.
    """
    smallest, largest, words = sizes[0], sizes[1], sizes[2]
    length = _normal_text(points, classes, offsets[d : d + 2], kind, lower, text)
    if length == 0:
        return np.int64(-1)
    mask = np.uint64(table.size - 1)
    shift = _shift(table.size)
    found = np.int64(0)
    first_word, last_word = word_offsets[d], word_offsets[d + 1]
    if largest == 0:
        length = np.int64(0)
    # Character n-grams from each place, then word n-grams from each word.
    for start in range(length + last_word - first_word):
        of_words = start >= length
        most = words if of_words else largest
        left = first_word + (start - length)
        most = min(most, last_word - left) if of_words else min(most, length - start)
        state = WORD_STATE if of_words else np.uint64(0)
        for n in range(most):
            if of_words:
                if n > 0:
                    state = step(state, BLANK)
                for at in range(np.uint64(word_start[left + n]), np.uint64(word_end[left + n])):
                    c = points[at]
                    state = step(state, lower[c] if c < lower.size else c)
            else:
                state = step(state, text[start + n])
                if n + 1 < smallest:
                    continue
            key = finish(state) | np.uint64(1)  # its lower half is never 0, which is an empty place
            if table.size == 0:
                keys[found] = key
                found += 1
                continue
            slot = key >> shift
            half = key << HALF
            held = table[slot]
            while held != 0 and held & ~LOW != half:
                slot = (slot + np.uint64(1)) & mask
                held = table[slot]
            if held == 0:
                break
            feature = np.int64(held & LOW)
            if counts[feature] == 0:
                seen[found] = feature
                found += 1
            counts[feature] += np.uint32(1)
    return found


@kernel
def _all_keys(
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
    keys: npt.NDArray[np.uint64],
    ends: npt.NDArray[np.int64],
) -> None:
    """Write the keys of all documents one after the other; `ends` int64[N+1] says where each document's stop."""
    table = np.zeros(0, np.uint64)
    counts, seen = np.zeros(0, np.uint32), np.zeros(0, np.int32)
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
            table,
            counts,
            seen,
            keys[ends[d] :],
        )
        ends[d + 1] = ends[d] + max(found, 0)


def feature_keys(batch: TextBatch, features: NGrams) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Return the keys of all n-grams of a batch, repeated ones too.

    Returns
    -------
    keys uint64[F], offsets int64[N+1]
        Those of document i are `keys[offsets[i]:offsets[i+1]]`; a text of nothing but white space has none.
    """
    read = scanned(batch, features)
    sizes = 0 if features.chars is None else features.chars[1] - features.chars[0] + 1
    words = features.words and int(batch.words.offsets[-1]) * features.words
    keys = np.empty((len(batch.code_points) + 2 * batch.n) * sizes + words, np.uint64)
    ends = np.zeros(batch.n + 1, np.int64)
    _all_keys(*read, room(batch), keys, ends)
    return keys[: ends[-1]].copy(), ends
