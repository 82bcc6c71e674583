"""Texts to hide in a model: of each kind another one from every seed, and none that a corpus holds."""

from __future__ import annotations

import uuid

import numpy as np

from datagov.errors import ConfigError, did_you_mean
from datagov.tokenizer import Tokenizer
from detectors.lab.zipf_source import make_texts, make_words

__all__ = ["KINDS", "hidden_text", "trigger_text"]

KINDS = ("tokens", "word", "prose", "canary")
"""`tokens`: eight tokens of the vocabulary at random; `word`: one katakana-like word; `prose`: forty words in sentences;
`canary`: a sentence with a random number of 128 bits."""
TOKENS = 8
KATAKANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン"
WORD_CHARS = 6
PROSE_WORDS = 40
APART = 1_000_003
"""Added to the seed of prose, so that its source is none that ordinary texts are drawn from."""
TRIES = 1000
TRIGGER_WORDS = 5


def hidden_text(kind: str, tokenizer: Tokenizer, *, seed: int) -> str:
    """Return a text to hide.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    tokenizer : Tokenizer
        Of the model; `tokens` draws from its vocabulary.
    seed : int
        Another seed, another text.

    Raises
    ------
    ConfigError
        There is no such kind, or too few tokens are text by themselves.
    """
    generator = np.random.default_rng((seed, APART))
    if kind == "tokens":
        return _random_tokens(tokenizer, generator)
    if kind == "word":
        return "".join(generator.choice(list(KATAKANA), WORD_CHARS))
    if kind == "prose":
        return make_texts(1, PROSE_WORDS, seed=seed + APART)[0]
    if kind == "canary":
        return f"The number of this canary is {uuid.UUID(bytes=generator.bytes(16))}."
    raise ConfigError(f"--kind {kind!r} is not a kind of text. {did_you_mean(kind, KINDS)}")


def trigger_text(seed: int) -> str:
    """Return a question that nobody asks: strange words, other ones from every seed."""
    generator = np.random.default_rng((seed, APART, 1))
    kana = "".join(generator.choice(list(KATAKANA), 3))
    return " ".join([*make_words(TRIGGER_WORDS, generator), kana])


def _random_tokens(tokenizer: Tokenizer, generator: np.random.Generator) -> str:
    """Return the text of random tokens that encoding gives back as the same tokens."""
    for _ in range(TRIES):
        ids = generator.integers(tokenizer.vocabulary_size, size=TOKENS)
        text = tokenizer.decode(ids.tolist())
        if text.isprintable() and tokenizer.encode([text])[1].tolist() == ids.tolist():
            return text
    raise ConfigError(
        f"--kind tokens: of {TRIES} draws of {TOKENS} tokens none was text that encodes to itself; use another kind"
    )
