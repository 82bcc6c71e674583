"""Labels as whole numbers: what a classifier calls a document, kept in a column of integers like any signal.

A number says its label by itself, without a table that would have to travel with it: up to eight characters,
each a digit of base 65, so that every code is exact as a float64 too.
"""

from __future__ import annotations

from typing import Final

from datagov.errors import ConfigError

__all__ = ["ALPHABET", "BASE", "MOST_CHARS", "code_of", "is_label", "label_of"]

ALPHABET: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
BASE: Final = len(ALPHABET) + 1
MOST_CHARS: Final = 8
"""65 to the eighth is below 2**53: `cmn_Hani` fits, as do all codes of ISO 639 with a script."""


def is_label(text: str) -> bool:
    """Say whether a text can be a label: one to eight of a-z, A-Z, 0-9, `_` and `-`."""
    return 0 < len(text) <= MOST_CHARS and all(character in ALPHABET for character in text)


def code_of(label: str) -> int:
    """Return the number of a label, from 1 to 65**8 - 1.

    Raises
    ------
    ConfigError
        It cannot be one, see `is_label`.
    """
    if not is_label(label):
        raise ConfigError(
            f"{label!r} is no label: one to {MOST_CHARS} characters of a-z, A-Z, 0-9, _ and - can be stored."
        )
    return sum((ALPHABET.index(character) + 1) * BASE**at for at, character in enumerate(label))


def label_of(code: float) -> str:
    """Return the label of a number; the reverse of `code_of`."""
    found, rest = "", int(code)
    while rest:
        rest, digit = divmod(rest, BASE)
        found += ALPHABET[digit - 1]
    return found
