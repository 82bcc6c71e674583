"""Finding terms in texts: leftmost, longest, never overlapping, in one pass over a folded text.

The terms are a trie (`datagov.text.term_trie`). A walk begins at every character that can begin a term
(a filter of character pairs refuses most), goes on while the trie does and takes the longest term whose ends are
boundaries; the search goes on behind it. A walk is never longer than the longest term, so a text takes time that grows
with its length, whatever it holds.

A folded text has one element a character that is not dropped: the character's number among those of the terms, 0 for
all others, and marks. Of a letter that stands three times or more in a row it has two, the second marked REPEAT; such
a pair also matches one or two of the letter in a term. A term's own long run is folded in the same way and is matched
by long runs only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from datagov.text.kernel import inline_kernel, kernel
from datagov.text.term_trie import (
    ALONE,
    GONE,
    LETTER,
    MOST_SYMBOLS,
    NUMBER,
    ONE,
    REPEAT,
    SYMBOL_BITS,
    TWO,
    WORD,
    TermTrie,
    branch_place,
    pair_place,
)

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["Found", "find_terms"]


@dataclass(frozen=True, eq=False)
class Found:
    """Terms of document i are rows `offsets[i]:offsets[i+1]`, in text order; none overlap.

    `start` and `end` (exclusive) are int64[F] positions in the batch's code points, `term` int64[F] numbers.
    """

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    term: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]


@kernel
def _fold(
    points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    symbol_of: npt.NDArray[np.uint32],
    repeats: bool,
    elements: npt.NDArray[np.uint32],
    places: npt.NDArray[np.int32],
    element_offsets: npt.NDArray[np.int64],
) -> None:
    """Write the elements of all texts and the position of each; both arrays have one place a character."""
    to = 0
    for row in range(offsets.size - 1):
        last = GONE
        run = 0
        for at in range(offsets[row], offsets[row + 1]):
            element = symbol_of[points[at]]
            if element == GONE:
                continue
            run = run + 1 if element == last else 1
            last = element
            if run >= 3 and repeats and element & LETTER != 0 and element & NUMBER != 0:
                elements[to - 1] = element | REPEAT
                continue
            elements[to] = element
            places[to] = at
            to += 1
        element_offsets[row + 1] = to


@inline_kernel
def _end_of_run(
    points: npt.NDArray[np.uint32],
    symbol_of: npt.NDArray[np.uint32],
    at: np.int64,
    stop: np.int64,
) -> np.int64:
    """Return where the run of equal letters that holds position `at` ends; dropped characters may stand in it."""
    letter = symbol_of[points[at]]
    end = at + 1
    while at < stop:
        element = symbol_of[points[at]]
        if element == letter:
            end = at + 1
        elif element != GONE:
            break
        at += 1
    return end


@kernel
def _search(
    points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    elements: npt.NDArray[np.uint32],
    places: npt.NDArray[np.int32],
    element_offsets: npt.NDArray[np.int64],
    symbol_of: npt.NDArray[np.uint32],
    group_of: npt.NDArray[np.uint32],
    first: npt.NDArray[np.uint8],
    pairs: npt.NDArray[np.uint64],
    roots: npt.NDArray[np.uint32],
    branches: npt.NDArray[np.uint64],
    ends: npt.NDArray[np.int32],
    numbers: npt.NDArray[np.int64],
    found_offsets: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return start, end and number of every term found, and fill `found_offsets` int64[N+1]."""
    mask = np.uint64(branches.size - 1)
    shift, pair_shift = np.uint64(64), np.uint64(58)
    size = np.uint64(branches.size // 2)
    while size > ONE:
        shift -= ONE
        size >>= ONE
    size = np.uint64(pairs.size)
    while size > ONE:
        pair_shift -= ONE
        size >>= ONE
    six, low = np.uint64(6), np.uint64(63)
    nodes = np.empty(8 * MOST_SYMBOLS, np.uint64)
    reached = np.empty(8 * MOST_SYMBOLS, np.uint64)
    symbols = np.empty(4, np.uint32)
    start, end, term = np.empty(1024, np.int64), np.empty(1024, np.int64), np.empty(1024, np.int64)
    count = 0
    for row in range(offsets.size - 1):
        base, stop = np.uint64(element_offsets[row]), np.uint64(element_offsets[row + 1])
        at = base
        while at < stop:
            element = elements[at]
            group = group_of[element & NUMBER]
            flags = first[group]
            if flags == 0 or element & REPEAT != 0:
                at += ONE
                continue
            if flags & ALONE == 0:
                if at + ONE == stop:
                    break
                following = elements[at + ONE]
                if following & REPEAT == 0:
                    pair = pair_place(group, group_of[following & NUMBER], pair_shift)
                    if pairs[pair >> six] >> (pair & low) & ONE == 0:
                        at += ONE
                        continue
            if at > base and element & elements[at - ONE] & WORD != 0:
                at += ONE
                continue
            best_end, best = at, np.int32(0)
            waiting = 0
            if roots[group] != 0:
                nodes[0], reached[0] = roots[group], at + ONE
                waiting = 1
            character = element & NUMBER
            if character != group and roots[character] != 0:
                nodes[waiting], reached[waiting] = roots[character], at + ONE
                waiting += 1
            while waiting > 0:
                waiting -= 1
                node, to = nodes[waiting], reached[waiting]
                while True:
                    number = ends[node]
                    better = number != 0 and (to > best_end or (to == best_end and number < best))
                    if better and (to == stop or elements[to - ONE] & elements[to] & WORD == 0):
                        best_end, best = to, number
                    if to == stop:
                        break
                    element = elements[to]
                    character = element & NUMBER
                    if character == 0:
                        break
                    group = group_of[character]
                    to += ONE
                    if group != character or element & REPEAT != 0:
                        # More ways than one: all but the first wait.
                        choices = 0
                        if element & REPEAT != 0:
                            nodes[waiting], reached[waiting] = node, to
                            waiting += 1
                            symbols[0] = character | REPEAT
                            choices = 1
                            if group != character:
                                symbols[1] = group | REPEAT
                                choices = 2
                        if group != character:
                            symbols[choices] = group
                            choices += 1
                        for choice in range(choices):
                            key = node << SYMBOL_BITS | np.uint64(symbols[choice])
                            place = branch_place(key, shift)
                            while branches[place] != key and branches[place] != 0:
                                place = (place + TWO) & mask
                            if branches[place] == key:
                                nodes[waiting], reached[waiting] = branches[place + ONE], to
                                waiting += 1
                    key = node << SYMBOL_BITS | np.uint64(character)
                    place = branch_place(key, shift)
                    while branches[place] != key and branches[place] != 0:
                        place = (place + TWO) & mask
                    if branches[place] != key:
                        break
                    node = branches[place + ONE]
            if best == 0:
                at += ONE
                continue
            if numbers[best - 1] >= 0:
                if count == start.size:
                    start = np.append(start, np.empty_like(start))
                    end = np.append(end, np.empty_like(end))
                    term = np.append(term, np.empty_like(term))
                last = np.int64(places[best_end - ONE])
                start[count] = places[at]
                end[count] = last + 1
                if elements[best_end - ONE] & REPEAT != 0:
                    end[count] = _end_of_run(points, symbol_of, last, offsets[row + 1])
                term[count] = numbers[best - 1]
                count += 1
            at = best_end
        found_offsets[row + 1] = count
    return start[:count], end[:count], term[:count]


def find_terms(batch: TextBatch, trie: TermTrie) -> Found:
    """Find terms in texts: from left to right, at each place the longest that has boundaries at its ends.

    Beside a letter, mark or number of a script with spaces there is a boundary where the neighbour is none of
    these; beside any other character there always is. Dropped characters are no neighbours. Of terms of the same
    stretch, the one that was listed first is found; nothing is told of those that are PASSED_OVER. No term begins at the second or a later letter of a
    long run, where these are folded.
    """
    points, offsets = batch.code_points, batch.offsets
    elements, places = np.empty(len(points), np.uint32), np.empty(len(points), np.int32)
    element_offsets = np.zeros(batch.n + 1, np.int64)
    _fold(points, offsets, trie.symbol_of, trie.repeats, elements, places, element_offsets)
    found_offsets = np.zeros(batch.n + 1, np.int64)
    start, end, term = _search(
        points,
        offsets,
        elements,
        places,
        element_offsets,
        trie.symbol_of,
        trie.group_of,
        trie.first,
        trie.pairs,
        trie.roots,
        trie.branches,
        trie.ends,
        trie.numbers,
        found_offsets,
    )
    return Found(start, end, term, found_offsets)
