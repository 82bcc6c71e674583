"""Words, as quality rules count them.

Scripts with spaces: the segments of UAX #29 that are not white space. A document with any Han
character: the words of the jieba dictionary segmentation of its full text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.errors import InputError
from datagov.text.breaks import ASK, DOCUMENT_START, EIGHT, ONE, joins, word_rules
from datagov.text.hashing import finish_all, hash_points, step
from datagov.text.kernel import Integer, kernel
from datagov.text.segments import ALL_SPACE, flags_of_kinds, kind_bits
from datagov.text.tables import kind_index, script_index, unicode_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Words", "given_words", "has_han", "word_spans"]

HAN: Final = script_index("han")
SPACE: Final = kind_index("space")

CUT_CHARS: Final = 1 << 16
"""Characters given to jieba in one call, where documents are that short."""

SEPARATOR: Final = "\x00"
"""Put between the documents of one call: jieba cuts at any character outside its alphabet, and looks
at nothing across one, so that a document's words are those of a call of its own."""


@dataclass(frozen=True, eq=False)
class Words:
    """Words of document i are rows `offsets[i]:offsets[i+1]`, in text order.

    `start` and `end` (exclusive) are positions in the batch's code points; `hash` is
    `hashing.hash_text` of the word as written; `flags` holds the bits HAS_LETTER, ALL_SYMBOL and
    HAS_NUMBER of `segments` (ALL_SPACE never).
    """

    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    hash: npt.NDArray[np.uint64]
    flags: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]


@kernel
def _rows_with(
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    script_of: npt.NDArray[np.uint8],
    script: int,
) -> npt.NDArray[np.bool_]:
    """bool[N]: rows that hold a character of a script."""
    n = offsets.shape[0] - 1
    held = np.zeros(n, dtype=np.bool_)
    for row in range(n):
        for cls in classes[offsets[row] : offsets[row + 1]]:
            if script_of[cls] == script:
                held[row] = True
                break
    return held


def has_han(classes: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return bool[N]: documents that hold a Han character."""
    return _rows_with(classes, offsets, unicode_tables().script, HAN)


@kernel
def _words(
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    by_cut: npt.NDArray[np.bool_],
    cut_ends: npt.NDArray[np.int32],
    pairs: npt.NDArray[np.uint8],
    word_break: npt.NDArray[np.uint8],
    pictographic: npt.NDArray[np.uint8],
    bit_of: npt.NDArray[np.uint16],
    flags_of: npt.NDArray[np.uint8],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    hashes: npt.NDArray[np.uint64],
    flags: npt.NDArray[np.uint8],
    word_offsets: npt.NDArray[np.int64],
) -> None:
    """Write the words of all documents; the arrays have one place a character.

    Rows `by_cut` break at the ends given for them, the others at word boundaries. As in `tokens`,
    the current word is written at every character and kept when it ends, unless it is space.
    """
    current = np.uint64(0)
    cut = np.uint64(0)
    for row in range(offsets.shape[0] - 1):
        first, stop = np.uint64(offsets[row]), np.uint64(offsets[row + 1])
        cutting = by_cut[row]
        word: Integer = first
        left = DOCUMENT_START
        state = np.uint64(0)
        kinds = np.uint16(0)
        kept = np.uint64(0)
        for at in range(first, stop):
            right = np.uint64(classes[at])
            if cutting:
                broken = np.uint64(np.uint64(cut_ends[cut]) == at)
                cut += broken
            else:
                broken = np.uint64(pairs[left | right])
                left = right << EIGHT
                if broken == ASK:
                    joined = joins(classes, first, word, at, stop, pairs, word_break, pictographic)
                    broken = np.uint64(not joined)
            current += kept & broken
            word = at if broken else word
            same = broken - ONE
            state &= same
            kinds &= np.uint16(same)
            state = step(state, points[at])
            kinds |= bit_of[right]
            flag = flags_of[kinds]
            kept = np.uint64(flag & ALL_SPACE == 0)
            start[current] = word
            end[current] = at + ONE
            hashes[current] = state
            flags[current] = flag
        cut += np.uint64(cutting)
        current += kept
        word_offsets[row + 1] = current


@kernel
def _describe(
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    bit_of: npt.NDArray[np.uint16],
    flags_of: npt.NDArray[np.uint8],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    hashes: npt.NDArray[np.uint64],
    flags: npt.NDArray[np.uint8],
) -> None:
    """Write hash and flags of spans."""
    for word in range(start.shape[0]):
        kinds = 0
        for at in range(start[word], end[word]):
            kinds |= bit_of[classes[at]]
        flags[word] = flags_of[kinds]
        hashes[word] = hash_points(points, start[word], end[word])


def _blocks(offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Split `rows` into runs of about CUT_CHARS characters."""
    if len(rows):
        block_of = np.cumsum(np.diff(offsets)[rows]) // CUT_CHARS
        yield from np.split(rows, np.flatnonzero(np.diff(block_of)) + 1)


def _cut_ends(
    texts: pa.LargeStringArray, offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """Find the ends of the dictionary words of the documents `rows`, as positions in the batch."""
    import rjieba  # noqa: PLC0415 - the dictionary takes a moment to load, and text without Han needs none

    ends = [np.zeros(0, dtype=np.int32)]
    for block in _blocks(offsets, rows):
        joined = "".join([text + SEPARATOR for text in texts.take(pa.array(block)).to_pylist()])
        words = rjieba.cut(joined)
        joined_ends = np.cumsum(np.fromiter(map(len, words), dtype=np.int64, count=len(words)))
        lengths = np.diff(offsets)[block]
        separator_ends = np.cumsum(lengths + 1)
        separators = np.searchsorted(joined_ends, separator_ends)
        if (
            joined_ends[-1] != len(joined)
            or (joined_ends[separators] != separator_ends).any()
            or (joined_ends[separators - 1] != separator_ends - 1).any()
        ):
            raise RuntimeError("jieba returned words that do not cover the documents one by one")
        counts = np.diff(separators, prepend=-1) - 1
        moved = offsets[:-1][block] - (separator_ends - lengths - 1)
        ends.append((np.delete(joined_ends, separators) + np.repeat(moved, counts)).astype(np.int32))
    return np.concatenate(ends)


def word_spans(
    texts: pa.LargeStringArray,
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
) -> Words:
    """Return the words of every document, white space excluded.

    Parameters
    ----------
    texts : LargeStringArray of N rows
    points : uint32[C]
    classes : uint8[C]
    offsets : int64[N+1]

    Source
    ------
    UAX #29; jieba (accurate mode with the hidden Markov model for unknown words) through `rjieba`.
    """
    by_cut = has_han(classes, offsets)
    cut_ends = _cut_ends(texts, offsets, np.flatnonzero(by_cut))
    rules = word_rules()
    size = len(points)
    start, end = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    hashes, flags = np.empty(size, dtype=np.uint64), np.empty(size, dtype=np.uint8)
    word_offsets = np.zeros(len(offsets), dtype=np.int64)
    _words(
        points,
        classes,
        offsets,
        by_cut,
        cut_ends,
        rules.pairs,
        rules.word_break,
        rules.pictographic,
        kind_bits(),
        flags_of_kinds(),
        start,
        end,
        hashes,
        flags,
        word_offsets,
    )
    total = int(word_offsets[-1])
    finish_all(hashes[:total])
    return Words(start[:total], end[:total], hashes[:total], flags[:total], word_offsets)


def given_words(
    texts: pa.LargeStringArray,
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    words: Sequence[Sequence[str]],
) -> Words:
    """Place the words of another tokeniser, each at its first occurrence after the one before.

    Empty and white-space words are left out. For comparing formulas with other systems: a Python
    loop over words.

    Raises
    ------
    InputError
        When there is not one list a document, or a word is not found where it must be.
    """
    if len(words) != len(texts):
        raise InputError(f"words for {len(words)} documents were given with {len(texts)} texts")
    tables = unicode_tables()
    spaces = frozenset(map(chr, np.flatnonzero(tables.kind[tables.class_of] == SPACE).tolist()))
    spans: list[tuple[int, int]] = []
    word_offsets = np.zeros(len(offsets), dtype=np.int64)
    for row, (text, row_words) in enumerate(zip(texts.to_pylist(), words, strict=True)):
        at = 0
        for word in row_words:
            if spaces.issuperset(word):
                continue
            found = text.find(word, at)
            if found < 0:
                raise InputError(
                    f"row {row} of the batch: the word {word!r} is not in the text after character {at}"
                )
            at = found + len(word)
            spans.append((int(offsets[row]) + found, int(offsets[row]) + at))
        word_offsets[row + 1] = len(spans)
    placed = np.array(spans, dtype=np.int32).reshape(-1, 2)
    start, end = np.ascontiguousarray(placed[:, 0]), np.ascontiguousarray(placed[:, 1])
    hashes, flags = np.empty(len(spans), dtype=np.uint64), np.empty(len(spans), dtype=np.uint8)
    _describe(points, classes, kind_bits(), flags_of_kinds(), start, end, hashes, flags)
    return Words(start, end, hashes, flags, word_offsets)
