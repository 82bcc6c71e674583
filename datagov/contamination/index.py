"""The n-grams of a benchmark's items, to be looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.contamination.items import Items
from datagov.contamination.presets import CHARACTERS_A_WORD
from datagov.contamination.units import Units, units_of
from datagov.text.batch import TextBatch
from datagov.text.hashing import finish
from datagov.text.kernel import Integer, inline_kernel, kernel

__all__ = ["Index", "build", "look_up", "may_hold", "mixed", "power"]

BASE: Final = np.uint64(0x9E3779B97F4A7C15)
LENGTH: Final = np.uint64(0xD1B54A32D192ED03)
THREE: Final = np.uint64(3)
SEVEN: Final = np.uint64(7)


@dataclass(frozen=True, eq=False)
class Index:
    """G different n-grams at P places of K items."""

    names: tuple[str, ...]
    unit_hash: npt.NDArray[np.uint64]
    """Units of all items, end to end."""
    unit_offsets: npt.NDArray[np.int64]
    """int64[K+1]."""
    size: npt.NDArray[np.int64]
    """int64[K]: units of the item's n-grams; 0 where it is too short to be looked for."""
    gram_at: npt.NDArray[np.int64]
    """int64[P]: the n-gram at each place of each item."""
    gram_offsets: npt.NDArray[np.int64]
    """int64[K+1]: the places of item i are `gram_at[gram_offsets[i]:gram_offsets[i+1]]`."""
    key: npt.NDArray[np.uint64]
    """uint64[G]: sorted."""
    place: npt.NDArray[np.int64]
    """int64[P]: places (positions in `gram_at`), those of n-gram g at `first[g]:first[g+1]`."""
    first: npt.NDArray[np.int64]
    """int64[G+1]."""
    item_of: npt.NDArray[np.int64]
    """int64[P]: item of each place."""
    table: npt.NDArray[np.int32]
    """int32[power of two]: hash table from key to n-gram, -1 for none."""
    bits: npt.NDArray[np.uint8]
    """uint8[power of two]: a bit set for each key, by its upper bits; small enough to stay in a cache."""
    shift: np.uint64
    """How far a key is moved to the right for its bit."""
    lengths: npt.NDArray[np.int64]
    """The different sizes, ascending."""

    @property
    def too_short(self) -> int:
        """Items that are not looked for."""
        return int(np.count_nonzero(self.size == 0))


@inline_kernel
def mixed(rolling: np.uint64, length: int) -> np.uint64:
    """Return the key of an n-gram: its rolling hash with its length."""
    return finish(rolling + np.uint64(length) * LENGTH)


@kernel
def power(length: int) -> np.uint64:
    """Return BASE to the power of `length`, modulo 2^64."""
    found = np.uint64(1)
    for _ in range(length):
        found *= BASE
    return found


@kernel
def _keys(
    unit_hash: npt.NDArray[np.uint64],
    unit_offsets: npt.NDArray[np.int64],
    size: npt.NDArray[np.int64],
    gram_offsets: npt.NDArray[np.int64],
    keys: npt.NDArray[np.uint64],
    item_of: npt.NDArray[np.int64],
) -> None:
    """Fill the key and the item of every place."""
    for item in range(size.shape[0]):
        for place in range(gram_offsets[item], gram_offsets[item + 1]):
            begin = unit_offsets[item] + place - gram_offsets[item]
            rolling = np.uint64(0)
            for at in range(begin, begin + size[item]):
                rolling = rolling * BASE + unit_hash[at]
            keys[place] = mixed(rolling, size[item])
            item_of[place] = item


@kernel
def _fill(
    key: npt.NDArray[np.uint64], table: npt.NDArray[np.int32], bits: npt.NDArray[np.uint8], shift: np.uint64
) -> None:
    """Enter every key."""
    mask = np.uint64(table.shape[0] - 1)
    for gram in range(key.shape[0]):
        bit = key[gram] >> shift
        bits[bit >> THREE] |= np.uint8(1 << (bit & SEVEN))
        slot = key[gram] & mask
        while table[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = gram


@inline_kernel
def may_hold(wanted: np.uint64, bits: npt.NDArray[np.uint8], shift: np.uint64) -> bool:
    """Whether a key may be among those entered; wrong in one of sixteen cases at most where it is not."""
    bit = wanted >> shift
    return bool(bits[bit >> THREE] >> (bit & SEVEN) & np.uint64(1))


@inline_kernel
def look_up(wanted: np.uint64, key: npt.NDArray[np.uint64], table: npt.NDArray[np.int32]) -> Integer:
    """Return the n-gram with a key, or -1."""
    mask = np.uint64(table.shape[0] - 1)
    slot = wanted & mask
    while table[slot] >= 0:
        if key[table[slot]] == wanted:
            return np.int64(table[slot])
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)


def build(items: Items, *, n: int, shortest: int) -> Index:
    """Index a benchmark.

    Parameters
    ----------
    items : Items
    n : int
        Words an n-gram; `CHARACTERS_A_WORD` times as many for items of which at least half the units are characters.
    shortest : int
        Words, or as many times as many characters, of the shortest item looked for.
    """
    units = units_of(TextBatch(items.texts))
    counts = np.diff(units.offsets)
    factor = np.where(2 * characters(units) >= counts, CHARACTERS_A_WORD, 1)
    size = np.where(counts >= shortest * factor, np.minimum(n * factor, counts), 0)
    places = np.where(size > 0, counts - size + 1, 0)
    gram_offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(places, out=gram_offsets[1:])
    keys = np.empty(int(gram_offsets[-1]), np.uint64)
    item_of = np.empty(len(keys), np.int64)
    _keys(units.hash, units.offsets, size, gram_offsets, keys, item_of)
    key, gram_at, times = np.unique(keys, return_inverse=True, return_counts=True)
    table = np.full(1 << int(2 * max(len(key), 1) - 1).bit_length(), -1, np.int32)
    width = max(3, int(16 * len(key)).bit_length())
    bits = np.zeros(1 << (width - 3), np.uint8)
    shift = np.uint64(64 - width)
    _fill(key, table, bits, shift)
    return Index(
        names=items.names,
        unit_hash=units.hash,
        unit_offsets=units.offsets,
        size=size,
        gram_at=gram_at.astype(np.int64),
        gram_offsets=gram_offsets,
        key=key,
        place=np.argsort(gram_at, kind="stable"),
        first=np.concatenate([[0], np.cumsum(times)]).astype(np.int64),
        item_of=item_of,
        table=table,
        bits=bits,
        shift=shift,
        lengths=np.unique(size[size > 0]),
    )


def characters(units: Units) -> npt.NDArray[np.int64]:
    """Return int64[N]: how many units of each document are characters."""
    total = np.concatenate([[0], np.cumsum(units.alone, dtype=np.int64)])
    return total[units.offsets[1:]] - total[units.offsets[:-1]]
