"""Telephone numbers by their form; functions append candidates as those of `identity` do."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.pii.characters import (
    CLOSE,
    DOT,
    HYPHEN,
    OPEN,
    PLUS,
    SLASH,
    SPACE,
    digit_of,
    free_after,
    free_before,
    is_word,
    narrow,
    put,
)
from datagov.pii.kinds import NAMES
from datagov.text.kernel import kernel

__all__ = ["landlines", "mobiles", "phones"]

LANDLINE: Final = NAMES.index("landline")
MOBILE: Final = NAMES.index("mobile")
PHONE: Final = NAMES.index("phone")
MOST_DIGITS: Final = 20


@kernel
def is_mobile(
    points: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    groups: int,
    group: int,
) -> int:
    """Return which group ends the mobile number that the given group begins, or -1."""
    if group >= groups:
        return -1
    at = starts[group]
    size = ends[group] - at
    if size < 3 or digit_of(points[at]) != 1 or digit_of(points[at + 1]) < 3:
        return -1
    if size == 11:
        return group
    if group + 2 >= groups or points[ends[group]] != points[ends[group + 1]]:
        return -1
    middle = ends[group + 1] - starts[group + 1]
    last = ends[group + 2] - starts[group + 2]
    return group + 2 if last == 4 and size + middle == 7 and size in (3, 4) else -1


@kernel
def mobiles(
    points: npt.NDArray[np.uint32],
    first: int,
    stop: int,
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    groups: int,
    out: npt.NDArray[np.int64],
    count: int,
) -> int:
    """Append the mobile number that begins with the first of some groups of digits, or with a code before it."""
    at = starts[0]
    plus = at > first and narrow(points[at - 1]) == PLUS
    begin = at - 1 if plus else at
    last = -1 if plus else is_mobile(points, starts, ends, groups, 0)
    if last < 0:
        size = ends[0] - at
        code = 0
        if digit_of(points[at]) == 8 and size > 1 and digit_of(points[at + 1]) == 6:
            code = 2
        elif (
            size > 3
            and digit_of(points[at]) == 0
            and digit_of(points[at + 1]) == 0
            and digit_of(points[at + 2]) == 8
            and digit_of(points[at + 3]) == 6
        ):
            code = 4
        if code == 0:
            return count
        if size == code:
            last = is_mobile(points, starts, ends, groups, 1)
        elif code == 4 or plus:  # the code is not set off: the first group begins after it
            starts[0] = at + code
            last = is_mobile(points, starts, ends, groups, 0)
            starts[0] = at
    if last < 0 or not free_before(points, first, begin) or not free_after(points, stop, ends[last]):
        return count
    return put(out, count, MOBILE, begin, ends[last])


@kernel
def landlines(
    points: npt.NDArray[np.uint32], first: int, stop: int, at: int, out: npt.NDArray[np.int64], count: int
) -> int:
    """Append a Chinese landline number, of the right form, whose area code (or +86, 86, 0086) begins at `at`."""
    begin = at
    plus = at > first and narrow(points[at - 1]) == PLUS
    area = 0
    end = at
    if plus or digit_of(points[at]) == 8 or (at + 1 < stop and digit_of(points[at + 1]) == 0):
        skip = 0 if digit_of(points[at]) == 8 else 2
        if (
            at + skip + 2 < stop
            and (skip == 0 or digit_of(points[at]) == 0)
            and digit_of(points[at + skip]) == 8
            and digit_of(points[at + skip + 1]) == 6
            and narrow(points[at + skip + 2]) in (HYPHEN, SPACE, OPEN, CLOSE)
        ):
            begin = at - 1 if plus else at
            end = at + skip + 3
            if end < stop and narrow(points[end]) == OPEN:
                end += 1
            at = end
        else:
            return count
    elif digit_of(points[at]) != 0:
        return count
    end = at
    while end < stop and digit_of(points[end]) >= 0:
        end += 1
    area = end - at
    if area < 2 or area > 4 or end >= stop:
        return count
    c = narrow(points[end])
    if c not in (HYPHEN, SPACE, CLOSE):
        return count
    if c == CLOSE and begin == at and at > first and narrow(points[at - 1]) == OPEN:
        begin = at - 1
    end += 1
    if end < stop and c == CLOSE and narrow(points[end]) in (HYPHEN, SPACE):
        end += 1
    start = end
    while end < stop and digit_of(points[end]) >= 0:
        end += 1
    size = end - start
    if size in (3, 4) and end + 4 < stop and narrow(points[end]) in (HYPHEN, SPACE):
        start = end + 1
        end = start
        while end < stop and digit_of(points[end]) >= 0:
            end += 1
        size = size + end - start if end - start == 4 else 0
    if size not in (7, 8) or not free_before(points, first, begin):
        return count
    # An extension may follow: 010-12345678-801.
    if end < stop and is_word(points[end]):
        return count
    return put(out, count, LANDLINE, begin, end)


@kernel
def phones(
    points: npt.NDArray[np.uint32],
    first: int,
    stop: int,
    at: int,
    national: bool,
    out: npt.NDArray[np.int64],
    count: int,
) -> int:
    """Append the stretch from `at` on that may be a telephone number with + or, if `national`, any."""
    begin = at
    if at > first and narrow(points[at - 1]) == PLUS:
        begin = at - 1
    elif not national:
        return count
    elif at > first and narrow(points[at - 1]) == OPEN:
        begin = at - 1
    if not free_before(points, first, begin):
        return count
    digits = 0
    end = at
    gap = 0
    while at < stop and digits <= MOST_DIGITS and gap <= 2:
        c = narrow(points[at])
        if digit_of(points[at]) >= 0:
            digits += 1
            gap = 0
            end = at + 1
        elif c in (SPACE, HYPHEN, DOT, SLASH, OPEN, CLOSE):
            gap += 1
        else:
            break
        at += 1
    if digits < 7 or (end < stop and is_word(points[end])):
        return count
    return put(out, count, PHONE, begin, end)
