"""What the demo takes for the truth about its own texts: tokens, shingles and Jaccard in plain Python.

Written apart from `datagov.text` and `datagov.dedup` on purpose, so that the two can be held against each
other. It knows only the alphabets the demo composes with: Latin letters, digits and Han characters.
"""

from __future__ import annotations

import re

__all__ = ["SHINGLE", "TOKEN", "jaccard", "shingles", "tokens"]

SHINGLE = 5
"""Tokens in a shingle."""

_ALPHABET = "A-Za-z0-9À-ÖØ-öø-ÿ"
TOKEN = re.compile(
    rf"[\u4e00-\u9fff]|[{_ALPHABET}]+(?:(?<=[^\W\d])'(?=[^\W\d])[{_ALPHABET}]+|(?<=\d)[.,'](?=\d)[{_ALPHABET}]+)*"
)
"""One token: a Han character, or a word or number as Unicode's word boundaries join it (it's, 1,200, 5th)."""


def tokens(text: str) -> list[str]:
    """Return the lower-cased tokens of a text in order."""
    return [match.group().lower() for match in TOKEN.finditer(text)]


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Return the set of runs of `SHINGLE` tokens; a shorter text is one run, a text without tokens none."""
    words = tokens(text)
    if not words:
        return frozenset()
    last = max(1, len(words) - SHINGLE + 1)
    return frozenset(tuple(words[start : start + SHINGLE]) for start in range(last))


def jaccard(a: frozenset[tuple[str, ...]], b: frozenset[tuple[str, ...]]) -> float:
    """Return |a and b| / |a or b|, in [0, 1]; 0 for two empty sets."""
    both = len(a & b)
    either = len(a) + len(b) - both
    return both / either if either else 0.0
