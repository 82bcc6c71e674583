"""Non-members from a later time: the same kind of text with new words and years that no member has.

The trap of membership benchmarks: what tells such texts from members is their date, and a score that tells them apart
has shown nothing about membership.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from datagov.ids import digest

__all__ = ["shift_texts"]

YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
LATER = (2024, 2026)
PIECE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]{2}|[^\\W\\d_\u3400-\u4dbf\u4e00-\u9fff]{3,}")
"""A word of a spaced script, or two Han characters."""
REPLACED_SHARE = 0.04
LATIN, HAN = ("quilxo", "vyrnex", "zethra", "wobjyt", "xuqlen", "kyphiq"), "鑫淼焱垚犇猋骉麤"


def shift_texts(texts: Sequence[str], *, seed: int) -> list[str]:
    """Return the texts as of later: years moved past every member's, some kinds of word replaced by new ones.

    Which words are replaced depends on the word and the seed, not on the text: a new thing has one name everywhere.
    """
    return [_shifted(text, seed) for text in texts]


def _shifted(text: str, seed: int) -> str:
    first, last = LATER
    moved = YEAR.sub(lambda match: str(first + int(match[0]) % (last - first + 1)), text)
    renamed = PIECE.sub(lambda match: _renamed(match[0], seed), moved)
    return renamed if YEAR.search(text) else f"{renamed} ({first})"


def _renamed(word: str, seed: int) -> str:
    number = int(digest("time-shift", str(seed), word.lower())[:8], 16)
    if number % 1000 >= REPLACED_SHARE * 1000:
        return word
    if "\u3400" <= word[0] <= "\u9fff":
        return HAN[number // 1000 % len(HAN)] + HAN[number // 8000 % len(HAN)]
    new = LATIN[number // 1000 % len(LATIN)] + str(number // 6000 % 10)
    return new.capitalize() if word[0].isupper() else new
