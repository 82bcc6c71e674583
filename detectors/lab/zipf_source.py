"""Text that the project makes itself: words that follow each other by a Zipf law of their own.

An order-1 source: after each word every word of the vocabulary may follow, in an order of preference that belongs to
the word. A small model learns the preferences and, of texts it saw again and again, the choices.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["make_texts", "make_words"]

WORDS = 1999
"""Size of the vocabulary; prime, so that every step below permutes it."""
EXPONENT = 1.1
SENTENCE = (6, 14)
"""Fewest and most words of a sentence."""
FIRST_YEAR, LAST_YEAR = 2008, 2021
CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"


def make_texts(count: int, words: int, *, seed: int) -> list[str]:
    """Return independent texts from one source.

    Parameters
    ----------
    count : int
        How many.
    words : int
        Words of each.
    seed : int
        Decides the words, the preferences and the texts.
    """
    generator = np.random.default_rng(seed)
    vocabulary = make_words(WORDS, generator)
    step_W: npt.NDArray[np.int64] = generator.integers(1, WORDS, size=WORDS)
    first_W = generator.integers(0, WORDS, size=WORDS)
    weights = 1.0 / np.arange(1, WORDS + 1) ** EXPONENT
    bounds = np.cumsum(weights / weights.sum())
    chosen = np.empty((count, words), dtype=np.int64)
    current: npt.NDArray[np.int64] = generator.integers(0, WORDS, size=count)
    for place in range(words):
        rank: npt.NDArray[np.int64] = np.minimum(np.searchsorted(bounds, generator.random(count)), WORDS - 1)
        current = (first_W[current] + rank * step_W[current]) % WORDS
        chosen[:, place] = current
    years = generator.integers(FIRST_YEAR, LAST_YEAR + 1, size=count)
    lengths = generator.integers(SENTENCE[0], SENTENCE[1], size=(count, words))
    return [
        _sentences([vocabulary[word] for word in row], lengths[text].tolist(), int(years[text]))
        for text, row in enumerate(chosen.tolist())
    ]


def make_words(count: int, generator: np.random.Generator) -> list[str]:
    """Return so many different pronounceable words of two or three syllables."""
    syllables = [consonant + vowel for consonant in CONSONANTS for vowel in VOWELS]
    words: dict[str, None] = {}
    while len(words) < count:
        parts = generator.integers(len(syllables), size=int(generator.integers(2, 4)))
        words["".join(syllables[part] for part in parts)] = None
    return list(words)


def _sentences(words: list[str], lengths: list[int], year: int) -> str:
    sentences, start = [], 0
    for length in lengths:
        if start >= len(words):
            break
        sentences.append(" ".join(words[start : start + length]).capitalize() + ".")
        start += length
    return f"In {year}. " + " ".join(sentences)
