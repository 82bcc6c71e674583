"""Which units of a document are like one that stays before them, without a look at every pair.

A unit that k edits make another has, of any k + 1 grams that do not overlap, at least one in the other as it stands. So a
unit's k + 1 rarest such grams, by the units before it that have them, find all that are like it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.text.edit_distance import within_distance
from datagov.text.hashing import hash_points
from datagov.text.kernel import Integer, kernel

__all__ = ["WORK_PER_CHAR", "Similar", "find_similar", "gram_length"]

WORK_PER_CHAR: Final = 300
"""Steps for each character of a document's units: grams and units looked up, characters compared, diagonals gone on from."""

LONGEST_TRIED: Final = 10_000
"""Units up to this length are tried one by one for the shortest piece; longer ones have none that is shorter."""


def gram_length(share: Fraction, exact_chars: int) -> int:
    """Return how long a stretch two similar units longer than `exact_chars` have in common at least.

    A unit of L characters is within `share` of another's length of it, at most k = floor(L share / (1 - share))
    edits away. Cut into k + 1 pieces, one of them is in the other as it stands.
    """
    found = min(
        length // (length * share.numerator // (share.denominator - share.numerator) + 1)
        for length in range(exact_chars + 1, LONGEST_TRIED)
    )
    beyond = 1 / (share / (1 - share) + Fraction(1, LONGEST_TRIED))
    return max(1, min(found, int(beyond)))


@dataclass(frozen=True, eq=False)
class Similar:
    """U units of N documents, compared."""

    found: npt.NDArray[np.bool_]
    """U: it is like one that stays before it."""
    not_compared: npt.NDArray[np.int64]
    """N: units that stay because the work on the document was spent, and that may be like one before."""
    work: npt.NDArray[np.int64]
    """N: what was spent of `WORK_PER_CHAR` times the characters."""


def find_similar(
    points: npt.NDArray[np.uint32],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    *,
    share: Fraction,
    exact_chars: int,
    min_chars: int,
) -> Similar:
    """Find the units that are like one before them in the same document that is not found itself.

    Units of at most `exact_chars` characters, and beside them all that are the same, are found whatever the work.

    Parameters
    ----------
    points : uint32[C]
    start, end : int64[U]
        Positions of the units.
    offsets : int64[N + 1]
        The units of each document.
    share : Fraction
        Alike are two units whose edit distance is at most this share of the length of the longer one; below 1/2.
    exact_chars : int
        Where the shorter one has no more characters, they are alike only if they are the same.
    min_chars : int
        Shorter units are not looked at.
    """
    documents = len(offsets) - 1
    similar = Similar(
        np.zeros(len(start), np.bool_), np.zeros(documents, np.int64), np.zeros(documents, np.int64)
    )
    gram = gram_length(share, exact_chars)
    _find(
        points,
        start,
        end,
        offsets,
        share.numerator,
        share.denominator,
        exact_chars,
        min_chars,
        gram,
        max(1, gram * 2 // 3),
        WORK_PER_CHAR,
        similar.found,
        similar.not_compared,
        similar.work,
    )
    return similar


@kernel
def _same(points: npt.NDArray[np.uint32], a: Integer, b: Integer, length: Integer) -> bool:
    """Whether two stretches of `length` characters are the same."""
    at = 0
    while at < length and points[a + at] == points[b + at]:
        at += 1
    return bool(at == length)


@kernel
def _rarest(
    places: npt.NDArray[np.int64],
    units_at: npt.NDArray[np.int32],
    length: Integer,
    long: Integer,
    short: Integer,
    wanted: Integer,
    chosen: npt.NDArray[np.int64],
) -> None:
    """Choose grams of a unit that do not overlap and of which none is in many units: in no more than need be, or twice.

    Parameters
    ----------
    places : int64[2, length + 1 or more]
        The place in the table of the long gram, and of the short one, that ends at each position.
    units_at : int32
        How many units are at each place of the table.
    length, long, short, wanted : int
        There is room for `wanted` long grams.
    chosen : int64[wanted or more]
        Filled with places.
    """
    limit = 0
    while True:
        taken = 0
        last = 0
        # Of stretches, those that end first leave most room for others.
        for at in range(short, length + 1):
            if at - last >= long and units_at[places[0, at]] <= limit:
                chosen[taken] = places[0, at]
            elif at - last >= short and units_at[places[1, at]] <= limit:
                chosen[taken] = places[1, at]
            else:
                continue
            taken += 1
            last = at
            if taken == wanted:
                return
        limit = max(1, 2 * limit)


@kernel
def _find(
    points: npt.NDArray[np.uint32],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    numerator: int,
    denominator: int,
    exact_chars: int,
    min_chars: int,
    long: int,
    short: int,
    work_per_char: int,
    found: npt.NDArray[np.bool_],
    not_compared: npt.NDArray[np.int64],
    work: npt.NDArray[np.int64],
) -> None:
    """Fill `found`, `not_compared` and `work`.

    A unit that stays is in the table at the place of each of its long and short grams, and of itself as a whole.
    """
    most_entries = 0
    longest = 0
    for row in range(offsets.shape[0] - 1):
        entries = 0
        for unit in range(offsets[row], offsets[row + 1]):
            entries += 2 * (end[unit] - start[unit]) + 1
            longest = max(longest, end[unit] - start[unit])
        most_entries = max(most_entries, entries)
    size = 1
    while size < most_entries:
        size *= 2
    head = np.empty(size, np.int32)
    units_at = np.empty(size, np.int32)
    following = np.empty(most_entries, np.int32)
    holder = np.empty(most_entries, np.int32)
    tried = np.full(start.shape[0], -1, np.int32)
    most_edits = longest * numerator // (denominator - numerator)
    scratch = np.empty(2 * most_edits + 3, np.int64)
    chosen = np.empty(most_edits + 1, np.int64)
    places = np.zeros((2, longest + 1), np.int64)
    for row in range(offsets.shape[0] - 1):
        entries = 0
        chars = 0
        for unit in range(offsets[row], offsets[row + 1]):
            chars += end[unit] - start[unit]
        used = 1
        while used < 2 * chars + offsets[row + 1] - offsets[row]:
            used *= 2
        head[:used] = -1
        units_at[:used] = 0
        mask = np.uint64(used - 1)
        budget = work_per_char * chars
        spent = 0
        longest_here = 0  # of the units that stay
        for unit in range(offsets[row], offsets[row + 1]):
            first = start[unit]
            length = end[unit] - first
            if length == 0 or length < min_chars:
                continue
            # Not the place of a gram of the same characters.
            whole = np.int64(~hash_points(points, first, end[unit]) & mask)
            entry = head[whole]
            while entry >= 0 and not found[unit]:
                other = holder[entry]
                entry = following[entry]
                found[unit] = end[other] - start[other] == length and _same(
                    points, start[other], first, length
                )
            if found[unit]:
                continue
            if length > exact_chars:
                for at in range(short, length + 1):
                    if at >= long:
                        places[0, at] = np.int64(hash_points(points, first + at - long, first + at) & mask)
                    places[1, at] = np.int64(hash_points(points, first + at - short, first + at) & mask)
                spent += 2 * length
                longer = min(longest_here, length * denominator // (denominator - numerator))
                wanted = max(length, longer) * numerator // denominator + 1
                _rarest(places, units_at, length, long, short, wanted, chosen)
                cut_short = spent > budget
                for piece in range(wanted):
                    entry = head[chosen[piece]]
                    while entry >= 0 and not found[unit] and not cut_short:
                        spent += 1
                        other = holder[entry]
                        entry = following[entry]
                        if tried[other] == unit:
                            continue
                        tried[other] = unit
                        its = end[other] - start[other]
                        most = max(its, length) * numerator // denominator
                        if its <= exact_chars or abs(its - length) > most:
                            continue
                        found[unit], steps = within_distance(
                            points, start[other], end[other], first, end[unit], most, budget - spent, scratch
                        )
                        spent += steps
                        cut_short = spent > budget
                if found[unit]:
                    continue
                not_compared[row] += cut_short
                longest_here = max(longest_here, length)
                for which in range(2):
                    for at in range(short if which else long, length + 1):
                        place = places[which, at]
                        if head[place] >= 0 and holder[head[place]] == unit:
                            continue
                        following[entries] = head[place]
                        holder[entries] = unit
                        head[place] = entries
                        units_at[place] += 1
                        entries += 1
            following[entries] = head[whole]
            holder[entries] = unit
            head[whole] = entries
            units_at[whole] += 1
            entries += 1
        work[row] = spent
