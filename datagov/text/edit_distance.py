"""Levenshtein distance of stretches of text, as far as it matters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from datagov.text.kernel import Integer, kernel

__all__ = ["within_distance"]


@kernel
def within_distance(
    points: npt.NDArray[np.uint32],
    a: Integer,
    a_end: Integer,
    b: Integer,
    b_end: Integer,
    most: Integer,
    row: npt.NDArray[np.int64],
) -> bool:
    """Whether `most` insertions, deletions and replacements of characters make one stretch the other.

    Only the diagonals that so many can reach are looked at, and only until none can: time is in the order of
    `most` times the length.

    Parameters
    ----------
    points : uint32[C]
    a, a_end, b, b_end, most : int
    row : int64[2 * most + 3 or more]
        Scratch.

    Source
    ------
    Ukkonen 1985, Algorithms for approximate string matching, Information and Control 64.
    """
    while a < a_end and b < b_end and points[a] == points[b]:
        a += 1
        b += 1
    while a < a_end and b < b_end and points[a_end - 1] == points[b_end - 1]:
        a_end -= 1
        b_end -= 1
    n = a_end - a
    m = b_end - b
    if abs(n - m) > most:
        return False
    if n == 0 or m == 0:
        return True
    far = most + 1
    width = 2 * most + 1
    # row[1 + d] is the distance of the prefixes that end at i in `a` and at i + d - most in `b`.
    for d in range(width + 2):
        row[d] = far
    for d in range(most, width):
        row[1 + d] = d - most
    for i in range(1, n + 1):
        least = far
        row[0] = far
        for d in range(width):
            j = i + d - most
            if j < 0 or j > m:
                row[1 + d] = far
                continue
            best = row[2 + d] + 1  # a character of `a` more
            if j > 0:
                best = min(best, row[d] + 1)  # one of `b` more
                best = min(best, row[1 + d] + (points[a + i - 1] != points[b + j - 1]))
            best = min(best, far)
            row[1 + d] = best
            least = min(least, best)
        if least == far:
            return False
    return bool(row[1 + m - n + most] <= most)
