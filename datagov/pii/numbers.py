"""All that a run of digits may begin; functions append candidates as those of `identity` do."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.pii.characters import (
    DOT,
    HYPHEN,
    SPACE,
    digit_of,
    free_after,
    free_before,
    is_letter,
    narrow,
    put,
)
from datagov.pii.identity import cards, is_resident_id
from datagov.pii.kinds import NAMES
from datagov.pii.telephones import landlines, mobiles, phones
from datagov.text.kernel import kernel

__all__ = ["MOST_GROUPS", "numbers_at"]

RESIDENT_ID: Final = NAMES.index("resident_id")
CREDIT_CODE: Final = NAMES.index("credit_code")
BANK_CARD: Final = NAMES.index("bank_card")
IP: Final = NAMES.index("ip")
MOBILE: Final = NAMES.index("mobile")
LANDLINE: Final = NAMES.index("landline")
PHONE: Final = NAMES.index("phone")
PASSPORT: Final = NAMES.index("passport")

MOST_GROUPS: Final = 8


@kernel
def groups_from(
    points: npt.NDArray[np.uint32],
    stop: int,
    at: int,
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
) -> int:
    """Fill the groups of digits from `at` on that single spaces or hyphens join; return how many, at most MOST_GROUPS."""
    groups = 0
    while groups < MOST_GROUPS:
        starts[groups] = at
        while at < stop and digit_of(points[at]) >= 0:
            at += 1
        ends[groups] = at
        groups += 1
        if at + 1 >= stop or digit_of(points[at + 1]) < 0:
            break
        c = narrow(points[at])
        if c not in (SPACE, HYPHEN):
            break
        at += 1
    return groups


@kernel
def ipv4(
    points: npt.NDArray[np.uint32], first: int, stop: int, at: int, out: npt.NDArray[np.int64], count: int
) -> int:
    """Append the four numbers below 256, joined by full stops, that begin at `at`."""
    start = at
    if not free_before(points, first, at):
        return count
    for number in range(4):
        value = 0
        size = 0
        while at < stop and digit_of(points[at]) >= 0 and size < 4:
            value = value * 10 + digit_of(points[at])
            size += 1
            at += 1
        if size == 0 or size > 3 or value > 255 or (size > 1 and digit_of(points[at - size]) == 0):
            return count
        if number < 3:
            if at >= stop or points[at] != DOT:
                return count
            at += 1
    return put(out, count, IP, start, at) if free_after(points, stop, at) else count


@kernel
def numbers_at(
    points: npt.NDArray[np.uint32],
    first: int,
    stop: int,
    at: int,
    wanted: npt.NDArray[np.bool_],
    national: bool,
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    out: npt.NDArray[np.int64],
    count: int,
) -> int:
    """Append all that the run of digits beginning at `at` may begin.

    Parameters
    ----------
    points : uint32[C]
    first, stop : int
        The document's bounds in `points`.
    at : int
        A digit with no digit before it.
    wanted : bool[K]
        For each of `KINDS`, whether it is looked for.
    national : bool
        Telephone numbers without + count too.
    starts, ends : int64[MOST_GROUPS]
        Scratch.
    out : int64[M, 3]
    count : int
    """
    groups = groups_from(points, stop, at, starts, ends)
    size = ends[0] - at
    if size >= 17 and free_before(points, first, at):
        end = ends[0]
        if size == 17 and end < stop and (narrow(points[end]) | 0x20) == 0x78:
            end += 1
        if (
            wanted[RESIDENT_ID]
            and end - at == 18
            and free_after(points, stop, end)
            and is_resident_id(points, at)
        ):
            count = put(out, count, RESIDENT_ID, at, end)
    if wanted[CREDIT_CODE] and 8 <= size <= 18 and free_before(points, first, at):
        end = ends[0]
        while end < stop and end - at <= 18 and (digit_of(points[end]) >= 0 or is_letter(points[end])):
            end += 1
        if end - at == 18 and free_after(points, stop, end):
            count = put(out, count, CREDIT_CODE, at, end)
    if wanted[BANK_CARD] and (size >= 15 or size == 4):
        count = cards(points, first, stop, starts, ends, groups, out, count)
    if wanted[MOBILE] and size >= 2:
        count = mobiles(points, first, stop, starts, ends, groups, out, count)
    if wanted[LANDLINE] and 2 <= size <= 4:
        count = landlines(points, first, stop, at, out, count)
    if wanted[PHONE]:
        count = phones(points, first, stop, at, national, out, count)
    if wanted[IP] and size <= 3:
        count = ipv4(points, first, stop, at, out, count)
    if wanted[PASSPORT] and size in (7, 8) and free_after(points, stop, ends[0]):
        begin = at - (9 - size)
        lettered = begin >= first
        for place in range(max(begin, first), at):
            lettered = lettered and is_letter(points[place])
        if lettered and free_before(points, first, begin):
            count = put(out, count, PASSPORT, begin, ends[0])
    return count
