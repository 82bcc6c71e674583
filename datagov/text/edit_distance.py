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
    patience: Integer,
    reach: npt.NDArray[np.int64],
) -> tuple[bool, int]:
    """Whether `most` insertions, deletions and replacements of characters make one stretch the other.

    Diagonal by diagonal it is known how far so many edits reach, for one edit more at a time. Two stretches that
    are d edits apart take steps in the order of d d and their length, others of `most` squared and the length that
    they have in common along the diagonals.

    Parameters
    ----------
    points : uint32[C]
    a, a_end, b, b_end, most : int
    patience : int
        Steps after which it is given up, and the answer is no.
    reach : int64[2 * most + 3 or more]
        Scratch.

    Returns
    -------
    bool
    steps : int
        Characters compared and diagonals gone on from: the work it took; past `patience`, it may have been given up.

    Source
    ------
    Ukkonen 1985, Algorithms for approximate string matching, Information and Control 64.
    """
    steps = 1
    while a < a_end and b < b_end and points[a] == points[b]:
        a += 1
        b += 1
        steps += 1
    while a < a_end and b < b_end and points[a_end - 1] == points[b_end - 1]:
        a_end -= 1
        b_end -= 1
        steps += 1
    n = a_end - a
    m = b_end - b
    shift = m - n
    if abs(shift) > most:
        return False, steps
    if n == 0 or m == 0:
        return True, steps
    zero = most + 1
    # reach[zero + d]: the most characters of `a` that so many edits bring to as many and d more of `b`.
    never = -n - m
    reach[zero - 1] = reach[zero + 1] = never
    reach[zero] = 0
    for edits in range(1, most + 1):
        if steps > patience:
            break
        reach[zero - edits - 1] = reach[zero + edits + 1] = never
        # Edits that are left have to lead to the last diagonal.
        low = max(-edits, shift - (most - edits))
        high = min(edits, shift + (most - edits))
        beside = reach[zero + low - 1]
        for d in range(low, high + 1):
            here = reach[zero + d]
            at = max(here + 1, beside, reach[zero + d + 1] + 1)
            beside = here
            at = min(at, n, m - d)
            steps += 1
            if at >= 0 and at + d >= 0:
                while at < n and at + d < m and points[a + at] == points[b + at + d]:
                    at += 1
                    steps += 1
            reach[zero + d] = at
        if low <= shift <= high and reach[zero + shift] == n:
            return True, steps
    return False, steps
