"""Word boundaries of UAX #29, for every script and without a dictionary.

The rules look at a pair of neighbouring characters; a few pairs need more (the letter after an
apostrophe, the parity of flag emoji, the base under combining marks). So a table over pairs of
classes answers JOIN, BREAK or ASK, and only ASK walks to further characters.

Every kernel that cuts text has this loop, written out in each (an array handed to an inlined kernel
costs a reference count at every character):

    broken = pairs[left << 8 | right]
    if broken == ASK:
        broken = 0 if joins(...) else 1
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.text.kernel import Integer, kernel
from datagov.text.tables import BREAKS, SCRIPTS, break_index, unicode_tables

__all__ = [
    "ASK",
    "BREAK",
    "DOCUMENT_START",
    "EIGHT",
    "JOIN",
    "ONE",
    "PER_CHARACTER_SCRIPTS",
    "BreakRules",
    "joins",
    "token_rules",
    "word_rules",
]

PER_CHARACTER_SCRIPTS: Final = ("han", "kana", "thai", "lao", "khmer", "myanmar")
"""Scripts written without spaces, of which the token stream takes every character by itself."""

JOIN: Final = 0
BREAK: Final = 1
ASK: Final = 2

ONE: Final = np.uint64(1)
EIGHT: Final = np.uint64(8)
DOCUMENT_START: Final = np.uint64(255 << 8)
"""Left half of a pair before the first character: class 255, which no character has, joins any."""

ALETTER: Final = break_index("aletter")
KATAKANA: Final = break_index("katakana")
OTHER: Final = break_index("other")
ZWJ: Final = break_index("zwj")


def _set(*names: str) -> int:
    """Word_Break values as a set of bits."""
    return sum(1 << break_index(name) for name in names)


CR: Final = _set("cr")
LF: Final = _set("lf")
NEWLINES: Final = _set("cr", "lf", "newline")
SPACES: Final = _set("wsegspace")
IGNORED: Final = _set("extend", "zwj", "format")
FLAGS: Final = _set("regional_indicator")
HEBREW: Final = _set("hebrew_letter")
LETTERS: Final = _set("aletter", "hebrew_letter")
NUMBERS: Final = _set("numeric")
KATAKANAS: Final = _set("katakana")
EXTENDERS: Final = _set("extend_num_let")
SINGLE_QUOTES: Final = _set("single_quote")
DOUBLE_QUOTES: Final = _set("double_quote")
MID_LETTERS: Final = _set("mid_letter", "mid_num_let", "single_quote")
MID_NUMBERS: Final = _set("mid_num", "mid_num_let", "single_quote")
MIDDLES: Final = MID_LETTERS | MID_NUMBERS | DOUBLE_QUOTES


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
    """Answer for two neighbours by their Word_Break values, as bits (rule numbers of UAX #29)."""
    answers = (
        (left == CR and right == LF, JOIN),  # WB3
        (left & NEWLINES or right & NEWLINES, BREAK),  # WB3a, WB3b
        (left & SPACES and right & SPACES, JOIN),  # WB3d
        (right & IGNORED, JOIN),  # WB4
        (left & IGNORED, ASK),  # WB3c, WB4
        (left & LETTERS and right & LETTERS, JOIN),  # WB5
        (left & HEBREW and right & SINGLE_QUOTES, JOIN),  # WB7a
        (left & LETTERS and right & MID_LETTERS, ASK),  # WB6
        (left & MID_LETTERS and right & LETTERS, ASK),  # WB7
        (left & HEBREW and right & DOUBLE_QUOTES, ASK),  # WB7b
        (left & DOUBLE_QUOTES and right & HEBREW, ASK),  # WB7c
        (left & (LETTERS | NUMBERS) and right & (LETTERS | NUMBERS), JOIN),  # WB8, WB9, WB10
        (left & MID_NUMBERS and right & NUMBERS, ASK),  # WB11
        (left & NUMBERS and right & MID_NUMBERS, ASK),  # WB12
        (left & KATAKANAS and right & KATAKANAS, JOIN),  # WB13
        (left & (LETTERS | NUMBERS | KATAKANAS | EXTENDERS) and right & EXTENDERS, JOIN),  # WB13a
        (left & EXTENDERS and right & (LETTERS | NUMBERS | KATAKANAS), JOIN),  # WB13b
        (left & FLAGS and right & FLAGS, ASK),  # WB15, WB16
    )
    return next((answer for applies, answer in answers if applies), BREAK)  # WB999


def _rules(word_break: npt.NDArray[np.uint8]) -> BreakRules:
    size = len(BREAKS)
    answers = np.array([[_pair(1 << a, 1 << b) for b in range(size)] for a in range(size)], dtype=np.uint8)
    pairs = answers[word_break[:, None], word_break[None, :]]
    pairs[255] = JOIN
    return BreakRules(np.ascontiguousarray(pairs.reshape(-1)), word_break, unicode_tables().pictographic)


@cache
def word_rules() -> BreakRules:
    """Return the default word boundaries.

    Source
    ------
    Unicode Standard Annex #29, section 4.1, rules WB1 to WB999.
    """
    return _rules(unicode_tables().word_break)


@cache
def token_rules() -> BreakRules:
    """Return the word boundaries of the token stream.

    As `word_rules`, and no letter of a script in PER_CHARACTER_SCRIPTS joins another: UAX #29 would
    join Katakana, and the iteration mark U+3005 as though it were a letter of an alphabet.
    """
    tables = unicode_tables()
    alone = np.isin(tables.script, [SCRIPTS.index(script) for script in PER_CHARACTER_SCRIPTS])
    alone &= tables.word_break == ALETTER
    alone |= tables.word_break == KATAKANA
    return _rules(np.where(alone, OTHER, tables.word_break).astype(np.uint8))


@kernel
def joins(
    classes: npt.NDArray[np.uint8],
    first: Integer,
    segment: Integer,
    here: Integer,
    end: Integer,
    pairs: npt.NDArray[np.uint8],
    word_break: npt.NDArray[np.uint8],
    pictographic: npt.NDArray[np.uint8],
) -> bool:
    """Tell whether no boundary lies before the character `here`, for a pair the table leaves open.

    `first` and `end` are the document's ends, `segment` where the current segment began. Each walk
    passes over the ignored characters of one base, or over one pair of flag halves, so that long
    runs of either cost no more than their length.
    """
    at, begin, stop = np.int64(here), np.int64(first), np.int64(end)
    right = np.int64(classes[at])
    if word_break[classes[at - 1]] == ZWJ and pictographic[right]:  # WB3c
        return True
    base = at - 1
    while base >= begin and (1 << word_break[classes[base]]) & IGNORED:
        base -= 1
    if base < begin:
        return False
    left = np.int64(classes[base])
    left_bit, right_bit = 1 << word_break[left], 1 << word_break[right]
    if left_bit & (NEWLINES | SPACES):  # ignored characters between: WB3 and WB3d do not apply
        return False
    answer = pairs[left << 8 | right]
    if answer != ASK:
        return bool(answer == JOIN)
    if left_bit & FLAGS:  # WB15, WB16: a segment of flag halves takes a second one and no third
        halves = 0
        for before in range(np.int64(segment), base):
            halves += (1 << word_break[classes[before]]) & FLAGS
        return halves == 0
    if left_bit & MIDDLES:
        base -= 1
        while base >= begin and (1 << word_break[classes[base]]) & IGNORED:
            base -= 1
        if base < begin:
            return False
        outer, middle, inner = 1 << word_break[classes[base]], left_bit, right_bit
    else:
        beyond = at + 1
        while beyond < stop and (1 << word_break[classes[beyond]]) & IGNORED:
            beyond += 1
        if beyond == stop:
            return False
        outer, middle, inner = 1 << word_break[classes[beyond]], right_bit, left_bit
    return bool(
        (inner & LETTERS and middle & MID_LETTERS and outer & LETTERS)  # WB6, WB7
        or (inner & HEBREW and middle & DOUBLE_QUOTES and outer & HEBREW)  # WB7b, WB7c
        or (inner & NUMBERS and middle & MID_NUMBERS and outer & NUMBERS)  # WB11, WB12
    )
