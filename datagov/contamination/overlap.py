"""Where documents hold n-grams of benchmark items, and how much of each item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from datagov.contamination.index import BASE, Index, look_up, may_hold, mixed, power
from datagov.contamination.units import units_of
from datagov.text.kernel import kernel

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["COLUMNS", "Overlap", "overlap"]

COLUMNS: Final = (
    "units",
    "ngrams",
    "covered_units",
    "items",
    "item_ngrams_found",
    "item_ngrams",
    "item_units_found",
    "item_units",
)
MOST_COMPARED: Final = 64
"""How many items that share an n-gram are compared for the longest common stretch, which names it."""


@dataclass(frozen=True, eq=False)
class Overlap:
    """What a batch shares with a benchmark."""

    counts: npt.NDArray[np.int64]
    """int64[N, 8]: `COLUMNS`."""
    row: npt.NDArray[np.int64]
    """int64[S]: documents of stretches, ascending."""
    start: npt.NDArray[np.int64]
    """int64[S]: position in the batch's code points."""
    end: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    """int64[S]: the item with the longest stretch from there on, the first of equals."""


@kernel
def _matches(
    unit_hash: npt.NDArray[np.uint64],
    unit_offsets: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    key: npt.NDArray[np.uint64],
    table: npt.NDArray[np.int32],
    bits: npt.NDArray[np.uint8],
    shift: np.uint64,
    out: npt.NDArray[np.int64],
) -> int:
    """Fill `out` int64[M, 4] with row, unit, length and n-gram of each match; return how many there are."""
    count = 0
    for length in lengths:
        leaving = power(length)
        for row in range(unit_offsets.shape[0] - 1):
            first, stop = unit_offsets[row], unit_offsets[row + 1]
            rolling = np.uint64(0)
            for at in range(first, stop):
                rolling = rolling * BASE + unit_hash[at]
                if at - first >= length:
                    rolling -= unit_hash[at - length] * leaving
                if at - first + 1 < length:
                    continue
                wanted = mixed(rolling, length)
                if not may_hold(wanted, bits, shift):
                    continue
                gram = look_up(wanted, key, table)
                if gram >= 0:
                    if count < out.shape[0]:
                        out[count, 0] = row
                        out[count, 1] = at + 1 - length
                        out[count, 2] = length
                        out[count, 3] = gram
                    count += 1
    return count


@kernel
def _tell(
    found: npt.NDArray[np.int64],
    unit_hash: npt.NDArray[np.uint64],
    unit_offsets: npt.NDArray[np.int64],
    item_hash: npt.NDArray[np.uint64],
    item_offsets: npt.NDArray[np.int64],
    size: npt.NDArray[np.int64],
    gram_at: npt.NDArray[np.int64],
    gram_offsets: npt.NDArray[np.int64],
    place: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    item_of: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    spans: npt.NDArray[np.int64],
) -> int:
    """Fill the counts of documents with matches, and stretches int64[M, 4]: row, first and last unit, item."""
    seen = np.full(first.shape[0], np.int64(-1))
    touched_in = np.full(size.shape[0], np.int64(-1))
    held = np.zeros(size.shape[0], np.int64)
    touched = np.empty(size.shape[0], np.int64)
    written = 0
    at = 0
    while at < found.shape[0]:
        row = found[at, 0]
        stop = at
        while stop < found.shape[0] and found[stop, 0] == row:
            stop += 1
        items = 0
        covered = 0
        reach = np.int64(-1)
        named = np.int64(-1)
        for match in range(at, stop):
            begin, length, gram = found[match, 1], found[match, 2], found[match, 3]
            covered += max(0, begin + length - max(begin, reach))
            reach = max(reach, begin + length)
            if seen[gram] != row:
                seen[gram] = row
                for p in range(first[gram], first[gram + 1]):
                    item = item_of[place[p]]
                    if touched_in[item] != row:
                        touched_in[item] = row
                        held[item] = 0
                        touched[items] = item
                        items += 1
                    held[item] += 1
            if begin + length <= named:
                continue
            longest = 0
            whose = np.int64(-1)
            for p in range(first[gram], min(first[gram + 1], first[gram] + MOST_COMPARED)):
                item = item_of[place[p]]
                theirs = item_offsets[item] + place[p] - gram_offsets[item]
                k = 0
                while (
                    begin + k < unit_offsets[row + 1]
                    and theirs + k < item_offsets[item + 1]
                    and unit_hash[begin + k] == item_hash[theirs + k]
                ):
                    k += 1
                if k > longest or (k == longest and item < whose):
                    longest = k
                    whose = item
            spans[written, 0] = row
            spans[written, 1] = begin
            spans[written, 2] = begin + longest - 1
            spans[written, 3] = whose
            written += 1
            named = begin + longest
        counts[row, 1] = stop - at
        counts[row, 2] = covered
        counts[row, 3] = items
        for t in range(items):
            item = touched[t]
            grams = gram_offsets[item + 1] - gram_offsets[item]
            if held[item] * counts[row, 5] > counts[row, 4] * grams:
                counts[row, 4] = held[item]
                counts[row, 5] = grams
            units = item_offsets[item + 1] - item_offsets[item]
            if min(held[item] * size[item], units) * counts[row, 7] <= counts[row, 6] * units:
                continue
            inside = 0
            reach = np.int64(0)
            for p in range(grams):
                if seen[gram_at[gram_offsets[item] + p]] == row:
                    inside += p + size[item] - max(p, reach)
                    reach = p + size[item]
            if inside * counts[row, 7] > counts[row, 6] * units:
                counts[row, 6] = inside
                counts[row, 7] = units
        at = stop
    return written


def overlap(batch: TextBatch, index: Index) -> Overlap:
    """Compare a batch with a benchmark."""
    units = units_of(batch)
    counts = np.zeros((batch.n, len(COLUMNS)), np.int64)
    counts[:, 0] = np.diff(units.offsets)
    counts[:, 5] = counts[:, 7] = 1
    found = matches(units, index)
    if not len(found):
        nothing = np.zeros(0, np.int64)
        return Overlap(counts, nothing, nothing, nothing, nothing)
    # By document and place, the longer first.
    found = found[np.lexsort((-found[:, 2], found[:, 1], found[:, 0]))]
    spans = np.empty((len(found), 4), np.int64)
    of_index = (
        index.unit_hash,
        index.unit_offsets,
        index.size,
        index.gram_at,
        index.gram_offsets,
        index.place,
        index.first,
        index.item_of,
    )
    written = _tell(found, units.hash, units.offsets, *of_index, counts, spans)
    spans = spans[:written]
    return Overlap(counts, spans[:, 0], *characters_of(batch, units.offsets, spans), spans[:, 3])


def matches(units: Any, index: Index) -> npt.NDArray[np.int64]:
    """Return int64[M, 4]: row, unit, length and n-gram of every place of a batch at which one of the index stands."""
    room = 4096
    while True:
        out = np.empty((room, 4), np.int64)
        tables = (index.key, index.table, index.bits, index.shift)
        count = _matches(units.hash, units.offsets, index.lengths, *tables, out)
        if count <= room:
            return out[:count]
        room = count


def characters_of(
    batch: TextBatch, unit_offsets: npt.NDArray[np.int64], spans: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return int64[S] twice: where stretches of units begin and end in the batch's code points.

    Places of units are worked out for the documents with stretches alone: they are few.
    """
    rows = np.unique(spans[:, 0])
    chosen = np.zeros(batch.n, np.bool_)
    chosen[rows] = True
    few = batch.select(chosen)
    units = units_of(few, places=True)
    at = np.searchsorted(rows, spans[:, 0])
    moved = units.offsets[at] - unit_offsets[spans[:, 0]]
    there = batch.offsets[spans[:, 0]] - few.offsets[at]
    return units.start[spans[:, 1] + moved] + there, units.end[spans[:, 2] + moved] + there
