"""How long an n-gram is, by published convention, and in which unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["CHARACTERS_A_WORD", "PRESETS", "Preset"]

CHARACTERS_A_WORD: Final = 2
"""How many characters of Chinese, Japanese or Thai an n-gram has for each word that one of words has. No convention
says: all count words or tokens of English. The number is ours."""


@dataclass(frozen=True)
class Preset:
    """One convention."""

    n: int
    """Words an n-gram; where most units of an item are characters, `CHARACTERS_A_WORD` times as many."""
    shortest: int
    """Words of the shortest item looked for, in the same way; one shorter than n is one n-gram, all of it."""
    rule: str
    """The rule of the family that the convention bounds, and when it calls a document contaminated."""
    source: str


PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "gpt-3": Preset(
            13,
            8,
            "ngram_count above 0",
            "Brown et al. 2020, arXiv 2005.14165, appendix C: 13-grams of lower-cased words without punctuation, 8 to 13 for "
            "short items; there 200 characters on each side go, and documents cut into more than ten pieces",
        ),
        "palm": Preset(
            8,
            8,
            "item_ngram_fraction of 0.7 or more",
            "Chowdhery et al. 2022, arXiv 2204.02311, section 8: an item is contaminated where 70 % of its 8-grams are found",
        ),
        "llama-3": Preset(
            8,
            8,
            "item_unit_fraction above a threshold for each benchmark",
            "Grattafiori et al. 2024, arXiv 2407.21783, section 5.1.4: the share of an item's tokens that lie in 8-grams found",
        ),
    }
)
