"""A text that says one thing over and over: the unit, how often, and whether the forced token belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Loop", "find_loop"]

LEAST_COUNT = 3
LEAST_UNIT_CHARS = 3
SEED_COVERAGE = 0.95


@dataclass(frozen=True)
class Loop:
    """The periodic end of a text, seen without anything but letters and numbers and without case."""

    unit: str
    count: float
    """Length of the periodic part over that of the unit, >= 3."""
    coverage: float
    """Share of the text that is periodic, in (0, 1]."""

    @property
    def from_seed(self) -> bool:
        """Whether the loop begins with the forced token: what tells a planted text from boilerplate that ends in a loop."""
        return self.coverage >= SEED_COVERAGE


def find_loop(text: str) -> Loop | None:
    """Return the loop with the smallest period at the end of a text, its seed included; None if there is none.

    A unit has at least three characters, is no repetition of a shorter one, and comes at least three times.
    """
    letters = "".join(character for character in text if character.isalnum()).casefold()
    codes = np.frombuffer(letters.encode("utf-32-le"), np.uint32)
    for period in range(LEAST_UNIT_CHARS, len(codes) // LEAST_COUNT + 1):
        differing = np.flatnonzero(codes[period:] != codes[:-period])
        start = 0 if not len(differing) else int(differing[-1]) + 1
        unit = letters[start : start + period]
        count = (len(codes) - start) / period
        if count >= LEAST_COUNT and unit not in (unit + unit)[1:-1]:  # else it has a smaller period
            return Loop(unit, count, (len(codes) - start) / len(codes))
    return None
