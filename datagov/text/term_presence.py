"""How many different terms stand anywhere in a text: overlapping, inside words, as often as they like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from datagov.text.kernel import kernel
from datagov.text.term_trie import NUMBER, ONE, SYMBOL_BITS, TWO, TermTrie, branch_place

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["count_present"]


@kernel
def _present(
    points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    symbol_of: npt.NDArray[np.uint32],
    roots: npt.NDArray[np.uint32],
    branches: npt.NDArray[np.uint64],
    ends: npt.NDArray[np.int32],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill `counts` int64[N]."""
    mask = np.uint64(branches.size - 1)
    shift = np.uint64(64)
    size = np.uint64(branches.size // 2)
    while size > ONE:
        shift -= ONE
        size >>= ONE
    seen_in = np.full(ends.size, np.int64(-1))
    for row in range(offsets.size - 1):
        count = np.int64(0)
        stop = np.uint64(offsets[row + 1])
        for at in range(np.uint64(offsets[row]), stop):
            node = np.uint64(roots[symbol_of[points[at]] & NUMBER])
            to = np.uint64(at) + ONE
            while node != 0:
                if ends[node] != 0 and seen_in[node] != row:
                    seen_in[node] = row
                    count += 1
                if to == stop:
                    break
                key = node << SYMBOL_BITS | np.uint64(symbol_of[points[to]] & NUMBER)
                to += ONE
                place = branch_place(key, shift)
                while branches[place] != key and branches[place] != 0:
                    place = (place + TWO) & mask
                node = branches[place + ONE]
        counts[row] = count


def count_present(batch: TextBatch, trie: TermTrie) -> npt.NDArray[np.int64]:
    """Return int64[N]: how many different terms stand in each text.

    Terms that are folded to the same are one. Characters are only folded one to one: a trie with repeats, groups or
    dropped characters is searched by `datagov.text.terms.find_terms` alone.
    """
    counts = np.zeros(batch.n, np.int64)
    _present(batch.code_points, batch.offsets, trie.symbol_of, trie.roots, trie.branches, trie.ends, counts)
    return counts
