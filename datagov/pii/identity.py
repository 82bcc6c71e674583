"""Identity numbers and bank cards: digits with a check digit.

Functions that append take the code points of a batch and the bounds of the document; they append `(kind, start, end)` to
`out` and return how many candidates there are now, also where `out` is too small to hold them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.pii.characters import digit_of, free_after, free_before, put
from datagov.pii.kinds import NAMES
from datagov.text.kernel import kernel

__all__ = ["cards", "is_resident_id"]

BANK_CARD: Final = NAMES.index("bank_card")
ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
"""GB 11643-1999: 2^(17-i) mod 11."""


@kernel
def real_date(year: int, month: int, day: int) -> bool:
    """Whether there is such a day in the calendar, from 1800 to 2099."""
    if not (1800 <= year <= 2099 and 1 <= month <= 12 and day >= 1):
        return False
    if month == 2:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return day <= (29 if leap else 28)
    return day <= (30 if month in (4, 6, 9, 11) else 31)


@kernel
def is_resident_id(points: npt.NDArray[np.uint32], at: int) -> bool:
    """Whether the date and the check digit of 17 digits and one character from `at` on are right."""
    total = 0
    for place in range(17):
        total += digit_of(points[at + place]) * ID_WEIGHTS[place]
    check = (12 - total % 11) % 11
    last = digit_of(points[at + 17])
    if (last if last >= 0 else 10) != check:
        return False
    year = 0
    for place in range(6, 10):
        year = year * 10 + digit_of(points[at + place])
    month = digit_of(points[at + 10]) * 10 + digit_of(points[at + 11])
    day = digit_of(points[at + 12]) * 10 + digit_of(points[at + 13])
    return real_date(year, month, day)


@kernel
def is_bank_card(points: npt.NDArray[np.uint32], start: int, end: int) -> bool:
    """Whether the digits between have an issuer's first number, its length and Luhn's check digit."""
    digits = 0
    head = 0
    for at in range(start, end):
        digit = digit_of(points[at])
        if digit >= 0:
            if digits < 4:
                head = head * 10 + digit
            digits += 1
    two = head // 100
    union_pay = two == 62 and 16 <= digits <= 19
    sixteen = digits == 16 and (
        head // 1000 == 4 or 51 <= two <= 55 or 2221 <= head <= 2720 or 3528 <= head <= 3589
    )
    express = digits == 15 and two in (34, 37)
    if not (union_pay or sixteen or express):
        return False
    total = 0
    doubled = False
    same = True
    for back in range(end - start):
        digit = digit_of(points[end - 1 - back])
        if digit < 0:
            continue
        same = same and (back == 0 or digit == digit_of(points[end - 1]) or end - 1 - back == start)
        if doubled:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
        doubled = not doubled
    return total % 10 == 0 and not same


@kernel
def cards(
    points: npt.NDArray[np.uint32],
    first: int,
    stop: int,
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    groups: int,
    out: npt.NDArray[np.int64],
    count: int,
) -> int:
    """Append the bank card that begins with the first of some groups of digits."""
    at = starts[0]
    if not free_before(points, first, at):
        return count
    size = ends[0] - at
    if 15 <= size <= 19:
        if free_after(points, stop, ends[0]) and is_bank_card(points, at, ends[0]):
            return put(out, count, BANK_CARD, at, ends[0])
        return count
    if size != 4 or groups < 3:
        return count
    even = points[ends[0]]
    last = 2
    if ends[1] - starts[1] == 4:  # 4-4-4-4, with up to three digits more
        if groups < 4 or ends[2] - starts[2] != 4 or ends[3] - starts[3] != 4:
            return count
        last = 3
        if groups > 4 and ends[4] - starts[4] <= 3 and points[ends[3]] == even:
            last = 4
    elif ends[1] - starts[1] != 6 or ends[2] - starts[2] != 5:
        return count
    for group in range(1, last):
        if points[ends[group]] != even:
            return count
    for each in range(2):  # without the last digits, where they are another number
        end = ends[last - each]
        if each == 1 and last != 4:
            break
        if free_after(points, stop, end) and is_bank_card(points, at, end):
            return put(out, count, BANK_CARD, at, end)
    return count
