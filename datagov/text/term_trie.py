"""Terms as a trie that kernels can walk: its branches in one hash table, and a filter of character pairs before it.

Symbols are numbers of characters among those of the terms, from 1. Of a letter that stands three times or more in a row
a term has two symbols, the second marked REPEAT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.text.folding import DROPPED, POINTS, folded, in_words, letters
from datagov.text.kernel import Integer, inline_kernel, kernel

__all__ = ["MOST_SYMBOLS", "PASSED_OVER", "TermTrie", "branch_place", "build_trie", "pair_place"]

MOST_SYMBOLS: Final = 64
"""Most characters of a folded term."""
PASSED_OVER: Final = -1
"""The number of terms that are found only to be passed over, with all that lies in them."""

NUMBER: Final = np.uint32((1 << 24) - 1)
REPEAT: Final = np.uint32(1 << 24)
WORD: Final = np.uint32(1 << 25)
"""A letter, mark or number of a script with spaces: two of them side by side are no boundary."""
LETTER: Final = np.uint32(1 << 26)
GONE: Final = np.uint32(DROPPED)

BEGINS: Final = np.uint8(1)
ALONE: Final = np.uint8(2)
"""A term of one character begins, and ends, with it."""

ONE: Final = np.uint64(1)
TWO: Final = np.uint64(2)
SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
SYMBOL_BITS: Final = np.uint64(25)
NO_NODE: Final = 0
LEAST_FILTER_BITS: Final = 18


@dataclass(frozen=True, eq=False)
class TermTrie:
    """Terms made ready to be found. Symbols are character numbers, with REPEAT or without."""

    symbol_of: npt.NDArray[np.uint32]
    """uint32[POINTS]: element of each code point; GONE where it is dropped."""
    repeats: bool
    """Whether long runs are folded."""
    group_of: npt.NDArray[np.uint32]
    """uint32[A]: number of the group of stand-ins a character belongs to; itself where it belongs to none."""
    first: npt.NDArray[np.uint8]
    """uint8[A]: by group number: BEGINS, ALONE."""
    pairs: npt.NDArray[np.uint64]
    """uint64[P]: bits, set for the first two groups of each term."""
    roots: npt.NDArray[np.uint32]
    """uint32[A]: the node that the branch of each number leads to from the root; 0 where there is none."""
    branches: npt.NDArray[np.uint64]
    """uint64[2H]: node and symbol of each branch, 0 where there is none, and beside it the node it leads to."""
    ends: npt.NDArray[np.int32]
    """int32[nodes]: 0 where no term ends, else the place of the term in `numbers`, counted from 1."""
    numbers: npt.NDArray[np.int64]
    """int64[terms]: number of each term as it was listed; PASSED_OVER is -1."""


@inline_kernel
def branch_place(key: np.uint64, shift: np.uint64) -> np.uint64:
    """Return where the search for a branch begins: the place of a key, an even index."""
    return (key * SPREAD) >> shift << ONE


@inline_kernel
def pair_place(first: np.uint32, second: np.uint32, shift: np.uint64) -> np.uint64:
    """Return the bit of two neighbouring groups in the filter."""
    return ((np.uint64(first) << SYMBOL_BITS | np.uint64(second)) * SPREAD) >> shift


@kernel
def _grow(
    symbols: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    branches: npt.NDArray[np.uint64],
    ends: npt.NDArray[np.int32],
) -> Integer:
    """Add terms to an empty trie and return how many nodes it has; of equal terms the first stays."""
    mask = np.uint64(branches.size - 1)
    shift = np.uint64(64)
    size = np.uint64(branches.size // 2)
    while size > ONE:
        shift -= ONE
        size >>= ONE
    nodes: Integer = 1
    for term in range(offsets.size - 1):
        node: Integer = 0
        for at in range(offsets[term], offsets[term + 1]):
            key = np.uint64(node) << SYMBOL_BITS | np.uint64(symbols[at])
            place = branch_place(key, shift)
            while branches[place] != key and branches[place] != 0:
                place = (place + TWO) & mask
            if branches[place] == 0:
                branches[place] = key
                branches[place + ONE] = nodes
                nodes += 1
            node = np.int64(branches[place + ONE])
        if ends[node] == 0:
            ends[node] = term + 1
    return nodes


def build_trie(
    terms: Sequence[tuple[str, int]],
    table: npt.NDArray[np.uint32],
    *,
    repeats: bool = False,
    groups: Mapping[int, int] | None = None,
    grouped: Sequence[tuple[str, int]] = (),
    longest: int | None = MOST_SYMBOLS,
) -> TermTrie:
    """Make terms ready to be found.

    Parameters
    ----------
    terms : sequence of (str, int)
        Text of a term, and a number >= 0, or PASSED_OVER; several may have the same number. Of terms that
        cover the same stretch, the one listed first is found. A term that is folded to nothing is never found.
    table : uint32[POINTS]
        `folding.fold_table`.
    repeats : bool
        Fold long runs of letters.
    groups : mapping, optional
        Folded code point -> a code point that names its group of stand-ins.
    grouped : sequence of (str, int)
        Terms that are also found with any stand-in for each of their characters; after `terms`.
    longest : int or None
        Most characters of a folded term; None for no limit, where they are only looked for by `term_presence`.

    Raises
    ------
    ValueError
        A folded term has more than `longest` characters.
    """
    groups = groups or {}
    plain = [folded(text, table) for text, _ in terms]
    standing = [tuple(groups.get(point, point) for point in folded(text, table)) for text, _ in grouped]
    used = sorted({point for term in (*plain, *standing) for point in term} | {p for p in groups if grouped})
    number_of = {point: at for at, point in enumerate(used, 1)}
    # A group has a number of its own, so that its terms lie on branches of their own.
    group_number = {name: len(used) + at for at, name in enumerate(sorted(set(groups.values())), 1)}
    group_of = np.arange(len(used) + len(group_number) + 1, dtype=np.uint32)
    for point, name in groups.items():
        if point in number_of:
            group_of[number_of[point]] = group_number[name]

    number_table = np.zeros(POINTS, np.uint32)
    number_table[used] = np.arange(1, len(used) + 1, dtype=np.uint32)
    counts_as = np.where(table == DROPPED, 0, table)
    symbol_of = number_table[counts_as]
    symbol_of |= np.where(in_words(counts_as), WORD, np.uint32(0))
    symbol_of |= np.where(letters(counts_as), LETTER, np.uint32(0))
    symbol_of[table == DROPPED] = GONE

    is_letter = {point: bool(letters(np.array([point], np.uint32))[0]) for point in used}
    forms = [
        (_runs([number_of[p] for p in term], [repeats and is_letter[p] for p in term]), number)
        for term, (_, number) in zip(plain, terms, strict=True)
    ]
    for term, (text, number) in zip(standing, grouped, strict=True):
        as_written = folded(text, table)
        symbols = [
            group_number[name] if p in groups else number_of[p]
            for p, name in zip(as_written, term, strict=True)
        ]
        forms.append((_runs(symbols, [repeats and is_letter.get(p, True) for p in as_written]), number))
    forms = [form for form in forms if form[0]]
    for symbols, number in forms:
        if longest is not None and len(symbols) > longest:
            raise ValueError(f"term {number} has {len(symbols)} characters; the most are {longest}")
    return _assembled(symbol_of, repeats, group_of, forms)


def _runs(numbers: Sequence[int], collapses: Sequence[bool]) -> list[int]:
    """Return a term's symbols: of three or more equal letters, two remain, the second with REPEAT."""
    symbols: list[int] = []
    run = 0
    for at, number in enumerate(numbers):
        run = run + 1 if at and number == numbers[at - 1] else 1
        if run >= 3 and collapses[at]:
            symbols[-1] = number | int(REPEAT)
        else:
            symbols.append(number)
    return symbols


def _assembled(
    symbol_of: npt.NDArray[np.uint32],
    repeats: bool,
    group_of: npt.NDArray[np.uint32],
    forms: Sequence[tuple[list[int], int]],
) -> TermTrie:
    """Grow the trie of the terms, and the filter before it."""
    offsets = np.cumsum([0, *(len(symbols) for symbols, _ in forms)]).astype(np.int64)
    symbols = np.array([symbol for term, _ in forms for symbol in term], np.uint32)
    numbers = np.array([number for _, number in forms], np.int64)
    size = 1 << max(4, int(2 * len(symbols)).bit_length())
    branches = np.zeros(2 * size, np.uint64)
    ends = np.zeros(len(symbols) + 1, np.int32)
    nodes = _grow(symbols, offsets, branches, ends)
    from_root = np.flatnonzero((branches[::2] != 0) & (branches[::2] >> SYMBOL_BITS == 0))
    roots = np.zeros(len(group_of), np.uint32)
    roots[branches[2 * from_root]] = branches[2 * from_root + 1]

    first = np.zeros(len(group_of), np.uint8)
    bits = max(LEAST_FILTER_BITS, (16 * len(forms)).bit_length())
    pairs = np.zeros(1 << (bits - 6), np.uint64)
    for term, _ in forms:
        begin = int(group_of[term[0]])
        first[begin] |= BEGINS
        if len(term) == 1:
            first[begin] |= ALONE
        elif not term[1] & int(REPEAT):
            at = (((begin << int(SYMBOL_BITS) | int(group_of[term[1]])) * int(SPREAD)) & (2**64 - 1)) >> (
                64 - bits
            )
            pairs[at >> 6] |= ONE << np.uint64(at & 63)
    return TermTrie(symbol_of, repeats, group_of, first, pairs, roots, branches, ends[:nodes], numbers)
