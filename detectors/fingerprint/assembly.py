"""Overlapping runs joined into the strings they are pieces of.

A string of n tokens is often found from several of its tokens; the run from the third is the end of the run from the
first. Runs where the end of one is the beginning of another are one longer string. Other runs are one text behind any
token at all: a model that begins to recite whatever it is given. Nobody said that token.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

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
    strings = _without_parts(sorted({tuple(run) for run in runs}, key=_place))
    while (joined := _best_join(strings)) is not None:
        first, second, overlap = joined
        longer = first + second[overlap:]
        whole = _text(longer)
        # No other string holds another: only the new one can.
        rest = [string for string in strings if _text(string) not in whole]
        strings = sorted([longer, *rest], key=_place)
    texts = [_text(string) for string in strings]
    parts = [_text(run) for run in runs]
    return [
        next(string for string, text in zip(strings, texts, strict=True) if part in text) for part in parts
    ]


def _place(run: Run) -> tuple[int, Run]:
    """Longest first."""
    return -len(run), run


def _without_parts(runs: Sequence[Run]) -> list[Run]:
    """Return the runs, longest first, without those that stand inside another."""
    kept: dict[Run, str] = {}
    for run in runs:
        text = _text(run)
        if not any(text in other for other in kept.values()):
            kept[run] = text
    return list(kept)


def _text(run: Sequence[int]) -> str:
    """Return a run with a character a token: Python looks for one text in another much faster than for tuples."""
    return "".join(map(chr, run))


def _best_join(strings: Sequence[Run]) -> tuple[Run, Run, int] | None:
    """Return the pair with the longest overlap, and its length."""
    beginnings: dict[Run, list[Run]] = defaultdict(list)
    for string in strings:
        beginnings[string[:LEAST_OVERLAP]].append(string)
    best: tuple[int, Run, Run] | None = None
    for first in strings:
        for start in range(1, len(first) - LEAST_OVERLAP + 1):
            end = first[start:]
            for second in beginnings[first[start : start + LEAST_OVERLAP]]:
                if second != first and len(second) > len(end) and second[: len(end)] == end:
                    found = (-len(end), first, second)
                    best = found if best is None else min(best, found)
    return None if best is None else (best[1], best[2], -best[0])
