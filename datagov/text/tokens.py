"""The token stream of near-duplicate search, `uax29-lower@1`.

A token is a stretch between two word boundaries (`token_rules`) that holds a letter or a number,
in lower case. Text in scripts without spaces (Han, kana, Thai, ...) gives a token a character, with
the marks that follow it. Punctuation, symbols and spaces give none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.text.breaks import ASK, DOCUMENT_START, EIGHT, ONE, joins, token_rules
from datagov.text.hashing import finish_all, step
from datagov.text.kernel import Integer, kernel
from datagov.text.tables import LOWER_LIMIT, kind_index, unicode_tables

__all__ = ["TOKEN_SCHEME", "Tokens", "token_stream"]

TOKEN_SCHEME: Final = "uax29-lower@1"  # noqa: S105 - a token of text, not of access
"""Name of this stream; sketches carry it, and sketches of two streams are never compared."""

LETTER: Final = kind_index("letter")
NUMBER: Final = kind_index("number")
LAST_MAPPED: Final = np.uint32(LOWER_LIMIT - 1)


@dataclass(frozen=True, eq=False)
class Tokens:
    """Token hashes: those of document i are `hash[offsets[i]:offsets[i+1]]`, in text order."""

    hash: npt.NDArray[np.uint64]
    """uint64[T]: `hashing.hash_text` of the token in lower case."""
    offsets: npt.NDArray[np.int64]


@kernel
def _tokens(
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    pairs: npt.NDArray[np.uint8],
    word_break: npt.NDArray[np.uint8],
    pictographic: npt.NDArray[np.uint8],
    counted: npt.NDArray[np.uint8],
    lower: npt.NDArray[np.uint32],
    states: npt.NDArray[np.uint64],
    token_offsets: npt.NDArray[np.int64],
) -> None:
    """Write the hash states of all tokens; `states` has one place a character.

    The state is written at every character and kept when its stretch ends as a token, without a
    branch: boundaries cannot be guessed, and a wrong guess costs more than the rest of the loop.
    """
    current = np.uint64(0)
    for row in range(offsets.shape[0] - 1):
        first, stop = np.uint64(offsets[row]), np.uint64(offsets[row + 1])
        segment: Integer = first
        left = DOCUMENT_START
        state = np.uint64(0)
        token = np.uint64(0)
        for at in range(first, stop):
            right = np.uint64(classes[at])
            broken = np.uint64(pairs[left | right])
            left = right << EIGHT
            if broken == ASK:
                joined = joins(classes, first, segment, at, stop, pairs, word_break, pictographic)
                broken = np.uint64(not joined)
            segment = at if broken else segment
            current += token & broken
            same = broken - ONE
            state &= same
            token &= same
            point = points[at]
            if point <= LAST_MAPPED:
                point = lower[point]
            state = step(state, point)
            states[current] = state
            token |= np.uint64(counted[right])
        current += token
        token_offsets[row + 1] = current


def token_stream(
    points: npt.NDArray[np.uint32], classes: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> Tokens:
    """Return the tokens of every document.

    Parameters
    ----------
    points : uint32[C]
    classes : uint8[C]
    offsets : int64[N+1]
    """
    rules, tables = token_rules(), unicode_tables()
    counted = np.isin(tables.kind, (LETTER, NUMBER)).astype(np.uint8)
    hashes = np.empty(len(points), dtype=np.uint64)
    token_offsets = np.zeros(len(offsets), dtype=np.int64)
    _tokens(
        points,
        classes,
        offsets,
        rules.pairs,
        rules.word_break,
        rules.pictographic,
        counted,
        tables.lower,
        hashes,
        token_offsets,
    )
    hashes = hashes[: int(token_offsets[-1])]
    finish_all(hashes)
    return Tokens(hashes, token_offsets)
