"""One pass over the characters of a batch that finds everything with the form of personal data."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.pii.characters import digit_of, is_letter, is_word, put
from datagov.pii.kinds import NAMES
from datagov.pii.numbers import MOST_GROUPS, numbers_at
from datagov.text.kernel import kernel

__all__ = ["PLATE_ENDS", "PROVINCES", "candidates"]

EMAIL: Final = NAMES.index("email")
IP: Final = NAMES.index("ip")
PLATE: Final = NAMES.index("plate")

PROVINCES: Final = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使"
PLATE_ENDS: Final = "挂学警港澳领使"
NEW_ENERGY: Final = (0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x4A, 0x4B)
"""A to H, J, K."""

DIGIT, AT_SIGN, PROVINCE, COLON = 1, 2, 3, 4
POINTS: Final = 1 << 16


@cache
def roles() -> npt.NDArray[np.uint8]:
    """Return uint8[65536]: what a character of the basic plane may begin."""
    table = np.zeros(POINTS, np.uint8)
    table[0x30:0x3A] = DIGIT
    table[0xFF10:0xFF1A] = DIGIT
    table[ord("@")] = AT_SIGN
    table[ord(":")] = COLON
    table[[ord(name) for name in PROVINCES]] = PROVINCE
    return table


@cache
def ends_of_plates() -> npt.NDArray[np.uint32]:
    """Return the Han characters that may end a plate."""
    return np.array([ord(name) for name in PLATE_ENDS], np.uint32)


@kernel
def email_at(
    points: npt.NDArray[np.uint32], first: int, stop: int, at: int, out: npt.NDArray[np.int64], count: int
) -> int:
    """Append the address around the sign at `at`."""
    start = at
    while start > first and at - start < 65:
        c = points[start - 1]
        if not (is_word(c) or c in (0x2B, 0x2D, 0x2E, 0x25)) or c > 0x7F:
            break
        start -= 1
    while start < at and points[start] in (0x2E, 0x2D):
        start += 1
    if not 1 <= at - start <= 64 or points[at - 1] == 0x2E:
        return count
    # The longest beginning of what follows that is labels and ends in one of two letters or more.
    end = -1
    label = at + 1
    place = at + 1
    letters = True
    labels = 0
    while place - at <= 254:
        c = points[place] if place < stop else np.uint32(0)
        if c <= 0x7F and c != 0x5F and (is_word(c) or c == 0x2D):
            letters = letters and is_letter(c)
            place += 1
            continue
        size = place - label
        if not 1 <= size <= 63 or points[label] == 0x2D or points[place - 1] == 0x2D:
            break
        labels += 1
        encoded = (
            size > 4
            and (points[label] | np.uint32(0x20)) == 0x78
            and (points[label + 1] | np.uint32(0x20)) == 0x6E
            and points[label + 2] == 0x2D
            and points[label + 3] == 0x2D
        )
        if labels > 1 and size > 1 and (letters or encoded):
            end = place
        if c != 0x2E:
            break
        place += 1
        label = place
        letters = True
    return count if end < 0 else put(out, count, EMAIL, start, end)


@kernel
def is_plate_letter(c: np.uint32) -> bool:
    """Whether it is a capital letter that plates use: all but I and O."""
    return bool(0x41 <= c <= 0x5A) and c not in (0x49, 0x4F)


@kernel
def plate_at(
    points: npt.NDArray[np.uint32],
    stop: int,
    at: int,
    last_signs: npt.NDArray[np.uint32],
    out: npt.NDArray[np.int64],
    count: int,
) -> int:
    """Append the number plate whose province is at `at`."""
    place = at + 1
    if place >= stop or not is_plate_letter(points[place]):
        return count
    place += 1
    if place < stop and points[place] in (0xB7, 0x2022, 0x2E, 0x2D, 0x20):
        place += 1
    start = place
    digits = 0
    ended = False
    while place < stop and place - start < 6 and not ended:
        c = points[place]
        if 0x30 <= c <= 0x39:
            digits += 1
        elif place - start == 4:
            for sign in last_signs:
                ended = ended or c == sign
        if not ended and not is_plate_letter(c) and not 0x30 <= c <= 0x39:
            break
        place += 1
    if place < stop and is_word(points[place]):
        return count
    size = place - start
    if size == 5 and digits >= 3:
        return put(out, count, PLATE, at, place)
    if size != 6:
        return count
    four = True
    for inner in range(start + 2, start + 5):
        four = four and 0x30 <= points[inner] <= 0x39
    small = four and points[start] in NEW_ENERGY and 0x30 <= points[start + 5] <= 0x39
    large = digits == 5 and points[start + 5] in NEW_ENERGY
    return put(out, count, PLATE, at, place) if small or large else count


@kernel
def ipv6_at(
    points: npt.NDArray[np.uint32], first: int, stop: int, at: int, out: npt.NDArray[np.int64], count: int
) -> int:
    """Append the hexadecimal groups around the colon at `at`, if it is the first of them."""
    start = at
    while start > first and at - start < 5:
        c = points[start - 1]
        if c > 0x7F or not (digit_of(c) >= 0 or 0x61 <= (c | np.uint32(0x20)) <= 0x66):
            break
        start -= 1
    if (
        at == start
        or at - start > 4
        or (start > first and (is_word(points[start - 1]) or points[start - 1] == 0x3A))
    ):
        return count
    place = at
    colons = 0
    while place < stop and place - start < 40:
        c = points[place]
        if c == 0x3A:
            colons += 1
        elif c > 0x7F or not (digit_of(c) >= 0 or 0x61 <= (c | np.uint32(0x20)) <= 0x66):
            break
        place += 1
    if colons < 2 or (place < stop and is_word(points[place])):
        return count
    if points[place - 1] == 0x3A and points[place - 2] != 0x3A:
        place -= 1
    return put(out, count, IP, start, place)


@kernel
def scan(
    points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    role: npt.NDArray[np.uint8],
    last_signs: npt.NDArray[np.uint32],
    wanted: npt.NDArray[np.bool_],
    national: bool,
    out: npt.NDArray[np.int64],
) -> int:
    """Fill `out` with candidates and return how many there are; those for which there is no room are counted only."""
    starts = np.empty(MOST_GROUPS, np.int64)
    ends = np.empty(MOST_GROUPS, np.int64)
    count = 0
    for row in range(offsets.shape[0] - 1):
        first, stop = offsets[row], offsets[row + 1]
        digit_before = False
        for at in range(first, stop):
            c = points[at]
            found = role[c] if c < POINTS else np.uint8(0)
            if found == 0:
                digit_before = False
                continue
            if found == DIGIT:
                if not digit_before:
                    count = numbers_at(points, first, stop, at, wanted, national, starts, ends, out, count)
                digit_before = True
                continue
            digit_before = False
            if found == AT_SIGN:
                if wanted[EMAIL]:
                    count = email_at(points, first, stop, at, out, count)
            elif found == PROVINCE:
                if wanted[PLATE]:
                    count = plate_at(points, stop, at, last_signs, out, count)
            elif wanted[IP]:
                count = ipv6_at(points, first, stop, at, out, count)
    return count


def candidates(
    points: npt.NDArray[np.uint32], offsets: npt.NDArray[np.int64], kinds: Collection[str], *, national: bool
) -> npt.NDArray[np.int64]:
    """Return int64[M, 3]: index into `KINDS`, start and end of all that has the form of one of `kinds`.

    Parameters
    ----------
    points : uint32[C]
    offsets : int64[N+1]
    kinds : collection of str
    national : bool
        Whether stretches of digits without + may be telephone numbers of a region named.
    """
    wanted = np.array([name in kinds for name in NAMES])
    room = 1024 + len(points) // 256
    while True:
        out = np.empty((room, 3), np.int64)
        count = scan(points, offsets, roles(), ends_of_plates(), wanted, national, out)
        if count <= room:
            return out[:count]
        room = count
