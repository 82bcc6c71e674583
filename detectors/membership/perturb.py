"""Perturbed versions of a text, for PAC."""

from __future__ import annotations

import random
import re
from typing import Final

from datagov.errors import ConfigError

__all__ = ["swap_words"]

HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
SPACED: Final = re.compile(r"\S+")


def swap_words(text: str, *, share: float, seed: int) -> str:
    """Return `text` with pairs of words exchanged at random; what stands between words stays in place.

    Parameters
    ----------
    text : str
        Words are jieba's where the text has Han, else what white space separates.
    share : float
        Swaps as a share of the words, in (0, 1]; at least one swap where there are two words.
    seed : int
        The same seed gives a text the same swaps, whatever else is swapped; another text has others.

    Source: random swap of Wei and Zou 2019, EDA, as PAC uses it.
    """
    if not 0 < share <= 1:
        raise ConfigError(f"share={share} of swapped words lies above 0 and at most at 1")
    pieces = _pieces(text)
    words = [place for place, piece in enumerate(pieces) if piece.strip()]
    if len(words) < 2:
        return text
    chance = random.Random(f"{seed} {text}")  # noqa: S311 - seeded on purpose, no secret
    for _ in range(max(1, int(share * len(words)))):
        a, b = chance.sample(words, 2)
        pieces[a], pieces[b] = pieces[b], pieces[a]
    return "".join(pieces)


def _pieces(text: str) -> list[str]:
    """Return words and what stands between them, in order."""
    if HAN.search(text):
        import rjieba  # noqa: PLC0415 - its dictionary is loaded where there is Han

        return [str(piece) for piece in rjieba.cut(text)]
    pieces, end = [], 0
    for match in SPACED.finditer(text):
        pieces += [text[end : match.start()], match[0]]
        end = match.end()
    return [*pieces, text[end:]]
