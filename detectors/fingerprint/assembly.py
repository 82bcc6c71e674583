"""Overlapping runs joined into the strings they are pieces of.

A string of n tokens is often found from several of its tokens; the run from the third is the end of the run from the
first. Runs where the end of one is the beginning of another are one longer string. Other runs are one text behind any
token at all: a model that begins to recite whatever it is given. Nobody said that token.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from heapq import heappop, heappush

from detectors.fingerprint.windows import WINDOW_TOKENS

__all__ = ["assemble", "without_strays"]

LEAST_OVERLAP = 2
"""Tokens that the end of one run and the beginning of another must share."""
LEAST_SAID = 3
"""Tokens by which a text is known again; two in a row stand in many."""

Run = tuple[int, ...]


def without_strays(runs: Sequence[Sequence[int]], logprobs: Sequence[Sequence[float]]) -> list[Run]:
    """Return the runs, without their first token where the same text is entered more surely from another token.

    The same text: the first `WINDOW_TOKENS` tokens after it, or all, at any place of any run. Of equally sure tokens the
    smaller id is kept. A run of fewer than `LEAST_SAID` tokens after the first keeps it.

    Parameters
    ----------
    runs : sequence of sequence of int
        A forced token, and what the model said after it.
    logprobs : sequence of sequence of float
        ln p of each token after the forced one.
    """
    entries: dict[Run, tuple[float, int]] = {}
    for run, entered in zip(runs, logprobs, strict=True):
        for tokens in range(LEAST_SAID, WINDOW_TOKENS + 1):
            for at in range(1, len(run) - tokens + 1):
                text = tuple(run[at : at + tokens])
                entry = (-entered[at - 1], run[at - 1])
                entries[text] = min(entry, entries.get(text, entry))
    kept = []
    for run in runs:
        best = entries.get(tuple(run[1 : 1 + WINDOW_TOKENS]))
        kept.append(tuple(run[1:] if best is not None and best[1] != run[0] else run))
    return kept


def assemble(runs: Sequence[Sequence[int]]) -> list[Run]:
    """Return, for each run, the maximal string that it is a part of.

    The longest overlaps are joined first; equal ones in the order of the token ids, so that the order of the runs
    changes nothing. A run of fewer than two tokens stays itself unless another holds it.
    """
    # With a character a token: Python looks for one text in another much faster than for tuples.
    texts = ["".join(map(chr, run)) for run in runs]
    strings = _Strings()
    for text in sorted(set(texts), key=len):
        strings.add(text)
    while strings.join_best():
        pass
    longest_first = sorted(strings.maximal, key=lambda string: (-len(string), string))
    return [tuple(map(ord, next(string for string in longest_first if text in string))) for text in texts]


class _Strings:
    """Strings of which none holds another, and the overlaps of any two of them, the longest first."""

    def __init__(self) -> None:
        self.maximal: set[str] = set()
        self._beginning: dict[str, list[str]] = defaultdict(list)
        self._ending: dict[str, list[str]] = defaultdict(list)
        self._overlaps: list[tuple[int, str, str]] = []
        """A heap of minus the tokens, the string that ends with them, the string that begins with them; also of strings that
        were joined since, or are held by another."""

    def add(self, string: str) -> None:
        """Take in a string that no other holds, in place of those that it holds, and find its overlaps."""
        for at in range(len(string) - LEAST_OVERLAP + 1):
            behind = at + LEAST_OVERLAP
            for other in self._beginning.get(string[at:behind], ()):
                if string.startswith(other, at):
                    self.maximal.discard(other)
                elif other in self.maximal and other.startswith(string[at:]):
                    heappush(self._overlaps, (at - len(string), string, other))
            for other in self._ending.get(string[at:behind], ()):
                if other in self.maximal and other.endswith(string[:behind]):
                    heappush(self._overlaps, (-behind, other, string))
        self.maximal.add(string)
        self._beginning[string[:LEAST_OVERLAP]].append(string)
        self._ending[string[-LEAST_OVERLAP:]].append(string)

    def join_best(self) -> bool:
        """Join the two strings with the longest overlap; return whether there were two."""
        while self._overlaps:
            overlap, first, second = heappop(self._overlaps)
            if first in self.maximal and second in self.maximal:
                self.add(first + second[-overlap:])
                return True
        return False
