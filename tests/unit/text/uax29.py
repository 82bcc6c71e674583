"""UAX #29 word boundaries in plain Python, rule by rule: the oracle of the segment tests.

Properties come from the `regex` package, not from the tables under test.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import regex

VALUES = {
    "CR": "CR",
    "LF": "LF",
    "Newline": "Newline",
    "Extend": "Extend",
    "ZWJ": "ZWJ",
    "Format": "Format",
    "RI": "RegionalIndicator",
    "Katakana": "Katakana",
    "Hebrew": "HebrewLetter",
    "ALetter": "ALetter",
    "SQ": "SingleQuote",
    "DQ": "DoubleQuote",
    "MidNumLet": "MidNumLet",
    "MidLetter": "MidLetter",
    "MidNum": "MidNum",
    "Numeric": "Numeric",
    "ExtendNumLet": "ExtendNumLet",
    "Space": "WSegSpace",
}
IGNORED = ("Extend", "Format", "ZWJ")
NEWLINES = ("CR", "LF", "Newline")
LETTERS = ("ALetter", "Hebrew")


@cache
def word_break(char: str) -> str:
    for name, value in VALUES.items():
        if regex.match(rf"\p{{WB={value}}}", char):
            return name
    return "Other"


@cache
def pictographic(char: str) -> bool:
    return regex.match(r"\p{Extended_Pictographic}", char) is not None


def segments(text: str) -> list[str]:
    """Cut `text` at its default word boundaries."""
    if not text:
        return []
    cuts = [0, *(at for at in range(1, len(text)) if is_boundary(text, at)), len(text)]
    return [text[a:b] for a, b in pairwise(cuts)]


def is_boundary(text: str, at: int) -> bool:
    raw = [word_break(char) for char in text]
    before, after = raw[at - 1], raw[at]
    if before == "CR" and after == "LF":
        return False
    if before in NEWLINES or after in NEWLINES:
        return True
    if before == "ZWJ" and pictographic(text[at]):
        return False
    if before == after == "Space":
        return False
    if after in IGNORED:
        return False
    # WB4: drop ignored characters that follow something they can belong to.
    kept = [i for i, value in enumerate(raw) if value not in IGNORED or i == 0 or raw[i - 1] in NEWLINES]
    here = kept.index(at)
    left, right = raw[kept[here - 1]], raw[at]
    left2 = raw[kept[here - 2]] if here >= 2 else None
    right2 = raw[kept[here + 1]] if here + 1 < len(kept) else None
    return not _joined(left2, left, right, right2, [raw[k] for k in kept[:here]])


def _joined(left2: str | None, left: str, right: str, right2: str | None, before: list[str]) -> bool:
    word = (*LETTERS, "Numeric", "Katakana")
    mid_letter, mid_number = ("MidLetter", "MidNumLet", "SQ"), ("MidNum", "MidNumLet", "SQ")
    flags = 0
    for value in reversed(before):
        if value != "RI":
            break
        flags += 1
    return (
        (left in LETTERS and right in LETTERS)
        or (left in LETTERS and right in mid_letter and right2 in LETTERS)
        or (left2 in LETTERS and left in mid_letter and right in LETTERS)
        or (left == "Hebrew" and right == "SQ")
        or (left == "Hebrew" and right == "DQ" and right2 == "Hebrew")
        or (left2 == "Hebrew" and left == "DQ" and right == "Hebrew")
        or (left == right == "Numeric")
        or (left in LETTERS and right == "Numeric")
        or (left == "Numeric" and right in LETTERS)
        or (left2 == "Numeric" and left in mid_number and right == "Numeric")
        or (left == "Numeric" and right in mid_number and right2 == "Numeric")
        or (left == right == "Katakana")
        or (left in (*word, "ExtendNumLet") and right == "ExtendNumLet")
        or (left == "ExtendNumLet" and right in word)
        or (right == "RI" and flags % 2 == 1)
    )
