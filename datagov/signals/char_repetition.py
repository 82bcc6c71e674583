"""Family char_repetition@1: how much of a document its repeated character n-grams make up.

An n-gram can only repeat where the (n-1)-grams at its first and second character both repeat. So the
kernel counts characters once, then for n = 2 .. 10 looks only at the positions that survived the level
below. Two positions that share an n-gram with no third leave the levels at once: how far they agree says
all about both. Every n-gram is named by the position of its first occurrence, so that the key of an n-gram (the
(n-1)-gram it starts with, its last character) is 64 bits and exact: nothing is compared by hash alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, SignalFamily
from datagov.signals.char_repetition_rules import DUPLICATE_SIZES, RULES, TOP_SIZES
from datagov.text.kernel import inline_kernel, kernel

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["CHAR_REPETITION", "measure"]

COLUMNS = (
    *(f"top_{n}char_repeats" for n in TOP_SIZES),
    *(f"duplicate_{n}char_chars" for n in DUPLICATE_SIZES),
    *(f"duplicate_{n}char_distinct_chars" for n in DUPLICATE_SIZES),
)
LAST_SIZE = 10
CODE_POINTS = 0x110000

GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)
ONE = np.uint64(1)
HALF = np.uint64(32)
LONGEST = np.uint64(LAST_SIZE)


@inline_kernel
def put(
    holder: npt.NDArray[np.uint32],
    keys: npt.NDArray[np.uint64],
    count: npt.NDArray[np.uint32],
    last: npt.NDArray[np.uint32],
    key: np.uint64,
    position: np.uint32,
    none: np.uint32,
    mask: np.uint64,
    shift: np.uint64,
) -> np.uint32:
    """Count `key` met at `position`, the `last` so far; return the position where it was met first.

    The only branch is on a probe that meets another key; `keys` is read for a free slot too, at the
    spare entry `none`.
    """
    slot = (key * GOLDEN_RATIO) >> shift
    held = holder[slot]
    while (held != none) & (keys[held] != key):
        slot = (slot + ONE) & mask
        held = holder[slot]
    new = held == none
    first = position if new else held
    holder[slot] = first
    keys[first] = key
    count[first] = np.uint32(1) if new else np.uint32(count[first] + ONE)
    last[first] = position
    return first


@inline_kernel
def agreement(
    points: npt.NDArray[np.uint32], first: np.uint64, second: np.uint64, known: np.uint64
) -> np.uint64:
    """Return how many characters from `first` and from a later `second` agree, `known` to 10."""
    most = min(LONGEST, np.uint64(points.size) - second)
    agreed = known
    while agreed < most and points[first + agreed] == points[second + agreed]:
        agreed += ONE
    return agreed


@kernel
def count_covered(
    repeats: npt.NDArray[np.uint8],
    char: npt.NDArray[np.uint32],
    covered: npt.NDArray[np.uint8],
    widest: npt.NDArray[np.uint8],
    row: npt.NDArray[np.int64],
) -> None:
    """Add up the characters in repeated n-grams of 5 to 10, and the different ones: `row` int64[15].

    `repeats` uint8[C] is the size, at most 10, of the longest repeated n-gram that starts at a position, `char` the
    first occurrence of the character there. A position lies in a repeated n-gram of every size up to
    that of the largest it lies in. `covered` and `widest` are scratch.
    """
    length = np.uint64(repeats.size)
    for i in range(length):
        covered[i] = repeats[i]
        widest[i] = 0
    for back in range(1, 10):
        distance = np.uint64(back)
        for i in range(distance, length):
            size = repeats[i - distance]
            reaching = size if size > back else np.uint8(0)
            covered[i] = max(covered[i], reaching)
    positions = np.zeros(11, np.int64)
    characters = np.zeros(11, np.int64)
    for i in range(length):
        positions[covered[i]] += 1
        widest[char[i]] = max(widest[char[i]], covered[i])
    for i in range(length):
        characters[widest[i]] += 1
    for n in range(5, 11):
        if row[n - 2] >= 0:
            row[n - 2] = np.sum(positions[n:])
            row[n + 4] = np.sum(characters[n:])


@kernel
def count_repetition(
    code_points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill `counts` int64[N, 15], in the order of `COLUMNS`.

    -1 stands where the document has fewer than n characters. Positions are unsigned, because an index
    that could be negative costs numba a test.
    """
    documents = offsets.size - 1
    longest = 1
    for d in range(documents):
        longest = max(longest, offsets[d + 1] - offsets[d])
    capacity = 4
    while capacity < 4 * longest:
        capacity *= 2
    first_of = np.full(CODE_POINTS, np.uint32(0xFFFFFFFF))  # where a character occurs first
    holder = np.empty(capacity, np.uint32)  # hash table: the position where a key occurs first, or none
    keys = np.zeros(longest + 1, np.uint64)  # kept at the position of the first occurrence
    count = np.empty(longest + 1, np.uint32)  # occurrences, kept there too
    last = np.empty(longest + 1, np.uint32)  # its last occurrence, kept there too
    char = np.empty(longest, np.uint32)  # first occurrence of the character at a position
    gram = np.empty(longest, np.uint32)  # first occurrence of the n-gram at an active position
    active = np.empty(longest, np.uint32)  # positions whose n-gram has two others at least, ascending
    repeats = np.empty(longest + 1, np.uint8)  # size of the longest n-gram there that has another occurrence
    most = np.empty(LAST_SIZE + 1, np.uint32)  # occurrences of the most frequent n-gram, by n
    covered = np.empty(longest, np.uint8)  # size of the largest such n-gram that the position lies in
    widest = np.empty(longest, np.uint8)  # for a character, at its first occurrence: its largest `covered`

    for d in range(documents):
        points = code_points[offsets[d] : offsets[d + 1]]
        size = points.size
        length = np.uint64(size)
        none = np.uint32(length)
        counts[d, :] = 0
        for step in range(2, LAST_SIZE + 1):
            if size < step:
                counts[d, step - 2] = -1
                if step > 4:
                    counts[d, step + 4] = -1

        for i in range(length):
            c = points[i]
            first = first_of[c]
            new = first == np.uint32(0xFFFFFFFF)
            first = np.uint32(i) if new else first
            first_of[c] = first
            char[i] = first
            count[first] = np.uint32(1) if new else np.uint32(count[first] + ONE)
        actives = np.uint64(0)
        for i in range(length):
            first_of[points[i]] = np.uint32(0xFFFFFFFF)
            repeated = count[char[i]] > 1
            gram[i] = char[i]
            repeats[i] = np.uint8(repeated)
            active[actives] = i
            actives += np.uint64(repeated)
        repeats[length] = np.uint8(0)
        most[:] = 1

        for step in range(2, LAST_SIZE + 1):
            n = np.uint64(step)
            candidates = np.uint64(0)
            for a in range(actives):
                at = np.uint64(active[a])
                active[candidates] = at
                candidates += np.uint64(repeats[at + ONE] >= step - 1)
            if candidates == 0:
                break
            bits = 2
            while np.uint64(1 << bits) < np.uint64(4) * candidates:
                bits += 1
            mask, shift = np.uint64((1 << bits) - 1), np.uint64(64 - bits)
            holder[: np.int64(mask + ONE)] = none
            for a in range(candidates):
                at = np.uint64(active[a])
                key = (np.uint64(gram[at]) << HALF) | np.uint64(char[at + n - ONE])
                gram[at] = put(holder, keys, count, last, key, np.uint32(at), none, mask, shift)

            actives = np.uint64(0)
            for a in range(candidates):
                at = np.uint64(active[a])
                first = np.uint64(gram[at])
                copies = count[first]
                if copies > 2:
                    repeats[at] = np.uint8(step)
                    most[step] = max(most[step], copies)
                    active[actives] = at
                    actives += ONE
                elif copies == 2 and first == at:
                    other = np.uint64(last[at])
                    agreed = agreement(points, at, other, n)
                    repeats[at] = np.uint8(agreed)
                    repeats[other] = np.uint8(agreed)
                    for up_to in range(n, agreed + ONE):
                        most[up_to] = max(most[up_to], np.uint32(2))
        for step in range(2, 5):
            if size >= step:
                counts[d, step - 2] = np.int64(most[step] - np.uint32(1)) * step
        count_covered(repeats[:size], char, covered, widest, counts[d])


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:  # noqa: ARG001
    """Return the columns of char_repetition@1 for `batch`, all int64, one row a document.

    `chars` of the text, never NULL; the columns of `COLUMNS`, NULL where the text has fewer characters
    than the n-gram.
    """
    counts = np.empty((batch.n, len(COLUMNS)), np.int64)
    count_repetition(batch.code_points, batch.offsets, counts)
    columns = {"chars": pa.array(batch.chars, pa.int64())}
    for at, name in enumerate(COLUMNS):
        column = np.ascontiguousarray(counts[:, at])
        columns[name] = pa.array(column, mask=column < 0)
    return pa.RecordBatch.from_pydict(columns)


CHAR_REPETITION = SignalFamily(
    name="char_repetition",
    version=1,
    measure=measure,
    rules=RULES,
)
