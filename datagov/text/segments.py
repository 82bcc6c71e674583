"""Word boundaries of UAX #29, for every script and without a dictionary.

The rules look at a pair of neighbouring characters; a few pairs need more (the letter after an
apostrophe, the parity of flag emoji, the base under combining marks). So a table over pairs of
classes answers JOIN, BREAK or ASK, and only ASK walks to further characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.text.kernel import kernel
from datagov.text.tables import BREAKS, KINDS, SCRIPTS, break_index, kind_index, unicode_tables

__all__ = [
    "ALL_SPACE",
    "ASK",
    "DOCUMENT_START",
    "EIGHT",
    "ONE",
    "ALL_SYMBOL",
    "HAS_LETTER",
    "HAS_NUMBER",
    "PER_CHARACTER_SCRIPTS",
    "BreakRules",
    "Segments",
    "flags_of_kinds",
    "joins",
    "kind_bits",
    "segment_all",
    "token_rules",
    "word_rules",
]

HAS_LETTER: Final = 1
"""A character of general category L*."""
ALL_SYMBOL: Final = 2
"""Every character is punctuation or a symbol (P*, S*)."""
ALL_SPACE: Final = 4
"""Every character is White_Space."""
HAS_NUMBER: Final = 8
"""A character of general category N*."""

PER_CHARACTER_SCRIPTS: Final = ("han", "kana", "thai", "lao", "khmer", "myanmar")
"""Scripts written without spaces, of which the token stream takes every character by itself."""

JOIN, BREAK, ASK = 0, 1, 2
ONE: Final = np.uint64(1)
EIGHT: Final = np.uint64(8)
DOCUMENT_START: Final = np.uint64(255 << 8)
"""Left half of a pair before the first character: class 255, which no character has, joins any."""

OTHER: Final = break_index("other")
CR: Final = break_index("cr")
LF: Final = break_index("lf")
NEWLINE: Final = break_index("newline")
EXTEND: Final = break_index("extend")
ZWJ: Final = break_index("zwj")
FORMAT: Final = break_index("format")
FLAG: Final = break_index("regional_indicator")
KATAKANA: Final = break_index("katakana")
HEBREW: Final = break_index("hebrew_letter")
ALETTER: Final = break_index("aletter")
SINGLE_QUOTE: Final = break_index("single_quote")
DOUBLE_QUOTE: Final = break_index("double_quote")
MID_NUM_LET: Final = break_index("mid_num_let")
MID_LETTER: Final = break_index("mid_letter")
MID_NUM: Final = break_index("mid_num")
NUMERIC: Final = break_index("numeric")
EXTEND_NUM_LET: Final = break_index("extend_num_let")
SPACE: Final = break_index("wsegspace")

NEWLINES: Final = (CR, LF, NEWLINE)
IGNORED: Final = (EXTEND, ZWJ, FORMAT)
LETTERS: Final = (ALETTER, HEBREW)
MID_LETTERS: Final = (MID_LETTER, MID_NUM_LET, SINGLE_QUOTE)
MID_NUMBERS: Final = (MID_NUM, MID_NUM_LET, SINGLE_QUOTE)


@dataclass(frozen=True, eq=False)
class Segments:
    """Every document cut without gaps: segments of document i are rows `offsets[i]:offsets[i+1]`.

    `start` and `end` (exclusive) are positions in the batch's code points; `kind` holds the bits
    HAS_LETTER, ALL_SYMBOL, ALL_SPACE, HAS_NUMBER.
    """

    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    kind: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BreakRules:
    """A tailoring of UAX #29 as the arrays that kernels take."""

    pairs: npt.NDArray[np.uint8]
    """uint8[65536]: JOIN, BREAK or ASK for class of the left character * 256 + class of the right."""
    word_break: npt.NDArray[np.uint8]
    """uint8[256]: Word_Break value of a class."""
    pictographic: npt.NDArray[np.uint8]
    """uint8[256]: 1 where Extended_Pictographic."""


def _pair(left: int, right: int) -> int:
    """Answer for two neighbours by their Word_Break values alone (rule numbers of UAX #29)."""
    if left == CR and right == LF:  # WB3
        return JOIN
    if left in NEWLINES or right in NEWLINES:  # WB3a, WB3b
        return BREAK
    if left == right == SPACE:  # WB3d
        return JOIN
    if right in IGNORED:  # WB4
        return JOIN
    if left in IGNORED:  # WB3c, WB4
        return ASK
    if left in LETTERS and right in LETTERS:  # WB5
        return JOIN
    if left == HEBREW and right == SINGLE_QUOTE:  # WB7a
        return JOIN
    if left in LETTERS and right in MID_LETTERS or left in MID_LETTERS and right in LETTERS:  # WB6, WB7
        return ASK
    if {left, right} == {HEBREW, DOUBLE_QUOTE}:  # WB7b, WB7c
        return ASK
    if left in (*LETTERS, NUMERIC) and right in (*LETTERS, NUMERIC):  # WB8, WB9, WB10
        return JOIN
    if left == NUMERIC and right in MID_NUMBERS or left in MID_NUMBERS and right == NUMERIC:  # WB11, WB12
        return ASK
    if left == right == KATAKANA:  # WB13
        return JOIN
    if left in (*LETTERS, NUMERIC, KATAKANA, EXTEND_NUM_LET) and right == EXTEND_NUM_LET:  # WB13a
        return JOIN
    if left == EXTEND_NUM_LET and right in (*LETTERS, NUMERIC, KATAKANA):  # WB13b
        return JOIN
    if left == right == FLAG:  # WB15, WB16
        return ASK
    return BREAK  # WB999


def _rules(word_break: npt.NDArray[np.uint8]) -> BreakRules:
    size = len(BREAKS)
    answers = np.array([[_pair(a, b) for b in range(size)] for a in range(size)], dtype=np.uint8)
    pairs = answers[word_break[:, None], word_break[None, :]]
    pairs[255] = JOIN
    return BreakRules(np.ascontiguousarray(pairs.reshape(-1)), word_break, unicode_tables().pictographic)


@cache
def word_rules() -> BreakRules:
    """Default word boundaries.

    Source
    ------
    Unicode Standard Annex #29, section 4.1, rules WB1 to WB999.
    """
    return _rules(unicode_tables().word_break)


@cache
def token_rules() -> BreakRules:
    """Word boundaries of the token stream: as `word_rules`, and no letter of a script in
    PER_CHARACTER_SCRIPTS joins another (UAX #29 would join Katakana, and U+3005 with letters).
    """
    tables = unicode_tables()
    alone = np.isin(tables.script, [SCRIPTS.index(s) for s in PER_CHARACTER_SCRIPTS])
    alone &= np.isin(tables.word_break, [ALETTER, KATAKANA])
    # Katakana also holds marks that belong to no script; they stand alone as well.
    alone |= tables.word_break == KATAKANA
    return _rules(np.where(alone, OTHER, tables.word_break).astype(np.uint8))


@cache
def kind_bits() -> npt.NDArray[np.uint16]:
    """uint16[256]: the bit of each class's kind; a segment's kinds are the union of them."""
    return np.left_shift(np.uint16(1), unicode_tables().kind.astype(np.uint16))


@cache
def flags_of_kinds() -> npt.NDArray[np.uint8]:
    """uint8[1 << len(KINDS)]: HAS_LETTER, ALL_SYMBOL, ALL_SPACE, HAS_NUMBER for a union of kind bits."""
    kinds = np.arange(1 << len(KINDS))
    symbols = 1 << kind_index("punctuation") | 1 << kind_index("symbol")
    flags = np.where(kinds & 1 << kind_index("letter"), HAS_LETTER, 0)
    flags |= np.where(kinds & 1 << kind_index("number"), HAS_NUMBER, 0)
    flags |= np.where(kinds & ~symbols == 0, ALL_SYMBOL, 0)
    flags |= np.where(kinds == 1 << kind_index("space"), ALL_SPACE, 0)
    return flags.astype(np.uint8)


@kernel
def joins(
    classes: npt.NDArray[np.uint8],
    first: int,
    segment: int,
    at: int,
    end: int,
    word_break: npt.NDArray[np.uint8],
    pictographic: npt.NDArray[np.uint8],
) -> bool:
    """Whether no boundary lies before `at`, for a pair that the table leaves open.

    `first` and `end` are the document's ends, `segment` where the current segment began.
    """
    first, segment, at, end = np.int64(first), np.int64(segment), np.int64(at), np.int64(end)
    right = word_break[classes[at]]
    if word_break[classes[at - 1]] == ZWJ and pictographic[classes[at]]:  # WB3c
        return True
    left_at = at - 1
    while left_at >= first and (
        word_break[classes[left_at]] == EXTEND
        or word_break[classes[left_at]] == FORMAT
        or word_break[classes[left_at]] == ZWJ
    ):
        left_at -= 1
    if left_at < first:
        return False
    left = word_break[classes[left_at]]
    left_letter = left == ALETTER or left == HEBREW
    right_letter = right == ALETTER or right == HEBREW
    if (left_letter or left == NUMERIC) and (right_letter or right == NUMERIC):  # WB5, WB8, WB9, WB10
        return True
    if left == HEBREW and right == SINGLE_QUOTE:  # WB7a
        return True
    if left == KATAKANA and right == KATAKANA:  # WB13
        return True
    if (
        left_letter or left == NUMERIC or left == KATAKANA or left == EXTEND_NUM_LET
    ) and right == EXTEND_NUM_LET:  # WB13a
        return True
    if left == EXTEND_NUM_LET and (right_letter or right == NUMERIC or right == KATAKANA):  # WB13b
        return True
    if left == FLAG and right == FLAG:  # WB15, WB16: a segment that starts with a flag half holds it alone
        for before in range(segment, left_at):
            if word_break[classes[before]] == FLAG:
                return False
        return True
    right_mid_letter = right == MID_LETTER or right == MID_NUM_LET or right == SINGLE_QUOTE
    right_mid_number = right == MID_NUM or right == MID_NUM_LET or right == SINGLE_QUOTE
    if (
        (left_letter and right_mid_letter)
        or (left == HEBREW and right == DOUBLE_QUOTE)
        or (left == NUMERIC and right_mid_number)
    ):
        beyond = at + 1
        while beyond < end and (
            word_break[classes[beyond]] == EXTEND
            or word_break[classes[beyond]] == FORMAT
            or word_break[classes[beyond]] == ZWJ
        ):
            beyond += 1
        if beyond == end:
            return False
        next_ = word_break[classes[beyond]]
        if left_letter and right_mid_letter:  # WB6
            return next_ == ALETTER or next_ == HEBREW
        if right == DOUBLE_QUOTE:  # WB7b
            return next_ == HEBREW
        return next_ == NUMERIC  # WB12
    left_mid_letter = left == MID_LETTER or left == MID_NUM_LET or left == SINGLE_QUOTE
    left_mid_number = left == MID_NUM or left == MID_NUM_LET or left == SINGLE_QUOTE
    if (
        (left_mid_letter and right_letter)
        or (left == DOUBLE_QUOTE and right == HEBREW)
        or (left_mid_number and right == NUMERIC)
    ):
        before = left_at - 1
        while before >= first and (
            word_break[classes[before]] == EXTEND
            or word_break[classes[before]] == FORMAT
            or word_break[classes[before]] == ZWJ
        ):
            before -= 1
        if before < first:
            return False
        previous = word_break[classes[before]]
        if left_mid_letter and right_letter:  # WB7
            return previous == ALETTER or previous == HEBREW
        if left == DOUBLE_QUOTE:  # WB7c
            return previous == HEBREW
        return previous == NUMERIC  # WB11
    return False


@kernel
def _segment(
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    pairs: npt.NDArray[np.uint8],
    word_break: npt.NDArray[np.uint8],
    pictographic: npt.NDArray[np.uint8],
    bit_of: npt.NDArray[np.uint16],
    flags_of: npt.NDArray[np.uint8],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    kind: npt.NDArray[np.uint8],
    segment_offsets: npt.NDArray[np.int64],
) -> None:
    """Write the segments of all documents; the arrays have one place a character.

    The current segment is written anew at every character and kept when the next one begins: a few
    stores cost less than one wrongly guessed branch.
    """
    current = np.uint64(0)
    for row in range(offsets.shape[0] - 1):
        first, stop = np.uint64(offsets[row]), np.uint64(offsets[row + 1])
        segment = first
        left = DOCUMENT_START
        kinds = np.uint16(0)
        for at in range(first, stop):
            right = np.uint64(classes[at])
            broken = np.uint64(pairs[left | right])
            left = right << EIGHT
            if broken == ASK:
                broken = np.uint64(not joins(classes, first, segment, at, stop, word_break, pictographic))
            current += broken
            segment = at if broken else segment
            kinds &= np.uint16(broken - ONE)
            kinds |= bit_of[right]
            start[current] = segment
            end[current] = at + ONE
            kind[current] = flags_of[kinds]
        current += np.uint64(stop > first)
        segment_offsets[row + 1] = current


def segment_all(classes: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], rules: BreakRules) -> Segments:
    """Cut every document at its word boundaries; spaces and punctuation are segments too.

    Parameters
    ----------
    classes : uint8[C]
        Class of each code point.
    offsets : int64[N+1]
        Document i is `classes[offsets[i]:offsets[i+1]]`.
    rules : BreakRules
        `word_rules()` or `token_rules()`.
    """
    size = len(classes)
    # Untouched pages of these upper bounds cost nothing.
    start, end = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    kind = np.empty(size, dtype=np.uint8)
    segment_offsets = np.zeros(len(offsets), dtype=np.int64)
    _segment(
        classes,
        offsets,
        rules.pairs,
        rules.word_break,
        rules.pictographic,
        kind_bits(),
        flags_of_kinds(),
        start,
        end,
        kind,
        segment_offsets,
    )
    total = int(segment_offsets[-1])
    return Segments(start[:total], end[:total], kind[:total], segment_offsets)
