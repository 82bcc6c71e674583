"""Texts that try every word-boundary rule, and batches of them."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import strategies as st

# One or more characters of every Word_Break value, several scripts, and the traps of each.
ALPHABET = (
    "aeZo"  # ASCII letters; vowels after an apostrophe are special in regex
    "éßİΣЖअक్가ㄅ"  # letters outside ASCII, one of which lowers to two characters
    "אש"  # Hebrew letters
    "汉字々〇𠀀"  # Han, its iteration mark (an ALetter), a letter number, astral
    "のカナーﾊﾞ"  # kana, the prolonged sound mark, half-width with its voicing mark (Extend)
    "กิ็ขລខက"  # Thai with vowels above, Lao, Khmer, Myanmar
    "07٣५"  # digits
    "'’\"״׳.,:;·‧_‿"  # middles, quotes, extenders
    " \t\u00a0\u3000\u2028\n\r\v\x85\u200b"  # spaces, newlines, and a zero-width space that is none
    "\u0301\u0300\u00ad\u200d\u200e\ufeff\ufe0f\u0345"  # marks, soft hyphen, joiner, direction, variation
    "👨👩❤🏽🇦🇧©"  # emoji, skin tone, flag halves
    "!?-—。，“+$"  # punctuation and symbols
    "\x00\x07\ue000\U0010ffff"  # NUL, control, private use, noncharacter
    "𝐀𞤀𞤢"  # astral letters, with and without case
)

# Characters this Python knows: the oracles (Python, regex) and the shipped tables may each be at another
# Unicode version, and differ on newer ones; `test_text_tables` looks at those.
CHARS = st.one_of(st.sampled_from(ALPHABET), st.characters(exclude_categories=("Cs", "Cn")))
TEXTS = st.text(CHARS, max_size=30)
BATCHES = st.lists(TEXTS, max_size=6)


def column(texts: list[str]) -> pa.LargeStringArray:
    return pa.array(texts, type=pa.large_string())
