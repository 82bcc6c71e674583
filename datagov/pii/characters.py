"""Characters as the scan for personal data sees them, and the list of candidates that it fills.

Digits are 0 to 9, of ASCII or full width.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.text.kernel import Integer, kernel

__all__ = [
    "CLOSE",
    "DOT",
    "HYPHEN",
    "OPEN",
    "PLUS",
    "SLASH",
    "SPACE",
    "digit_of",
    "free_after",
    "free_before",
    "is_letter",
    "is_word",
    "narrow",
    "put",
]

HYPHEN, DOT, SPACE, PLUS, OPEN, CLOSE, SLASH = 0x2D, 0x2E, 0x20, 0x2B, 0x28, 0x29, 0x2F
WIDE: Final = 0xFEE0
"""What the full-width form of an ASCII character lies above it."""


@kernel
def narrow(point: np.uint32) -> Integer:
    """Return the ASCII character for a full-width form of it; other characters as they are; a no-break space as a space."""
    c = np.int64(point)
    if 0xFF01 <= c <= 0xFF5E:
        return c - WIDE
    return SPACE if c in (0xA0, 0x3000) else c


@kernel
def digit_of(point: np.uint32) -> Integer:
    """Return 0 to 9, or -1 for what is no digit."""
    c = np.int64(point)
    if 0x30 <= c <= 0x39:
        return c - 0x30
    return c - 0xFF10 if 0xFF10 <= c <= 0xFF19 else -1


@kernel
def is_letter(point: np.uint32) -> bool:
    """Whether it is an ASCII letter."""
    c = np.int64(point)
    return bool(0x61 <= (c | 0x20) <= 0x7A)


@kernel
def is_word(point: np.uint32) -> bool:
    """Whether it is an ASCII letter, a digit or an underscore."""
    return is_letter(point) or bool(digit_of(point) >= 0) or bool(point == 0x5F)


@kernel
def put(out: npt.NDArray[np.int64], count: int, kind: int, start: int, end: int) -> int:
    """Append a candidate, if there is room for it, and count it."""
    if count < out.shape[0]:
        out[count, 0] = kind
        out[count, 1] = start
        out[count, 2] = end
    return count + 1


@kernel
def free_before(points: npt.NDArray[np.uint32], first: int, at: int) -> bool:
    """Whether nothing before `at` makes what begins there part of a longer word or number."""
    if at == first:
        return True
    before = points[at - 1]
    if is_word(before):
        return False
    c = narrow(before)
    joins = c in (HYPHEN, DOT)
    return not (joins and at - 1 > first and digit_of(points[at - 2]) >= 0)


@kernel
def free_after(points: npt.NDArray[np.uint32], stop: int, at: int) -> bool:
    """Whether nothing from `at` on makes what ends there part of a longer word or number."""
    if at == stop:
        return True
    after = points[at]
    if is_word(after):
        return False
    c = narrow(after)
    joins = c in (HYPHEN, DOT)
    return not (joins and at + 1 < stop and digit_of(points[at + 1]) >= 0)
