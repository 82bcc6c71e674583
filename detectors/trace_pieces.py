"""What an endpoint answered of a chunk before the chunk is whole: kept every few seconds, between requests.

Requests are the same wherever an earlier run was cut, and so is what they are joined to.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from detectors.kept import keep, kept
from detectors.ragged import TokenBatch
from detectors.trace import TraceBatch
from detectors.trace_files import trace_of, trace_table

__all__ = ["AskedByRequest", "traced_by_pieces"]

PIECE_S = 5.0
"""Seconds of answers that a run which is killed may lose, besides the requests that are under way."""


@runtime_checkable
class AskedByRequest(Protocol):
    """A target that answers a few windows at a time, in their order."""

    def traces(self, windows: TokenBatch) -> Iterator[TraceBatch]:
        """Yield the traces of consecutive windows, of each request when it and those before it are answered."""


def traced_by_pieces(folder: Path, target: AskedByRequest, windows: TokenBatch) -> TraceBatch:
    """Return the traces of windows; those in the folder are read, the others are asked for and kept there.

    Parameters
    ----------
    folder : Path
        Of these windows alone; what lies there damaged is asked for again.
    target : AskedByRequest
    windows : TokenBatch
        Each of two tokens or more, at least one.

    Raises
    ------
    TargetError
        The target stopped answering; what was answered before is kept.
    PartialRun
        The budget is spent, or the disk refused.
    """
    parts = list(_kept_pieces(folder))
    start = sum(part.texts for part in parts)
    fresh: list[TraceBatch] = []
    since = time.monotonic()
    try:
        for answer in target.traces(windows.part(start, len(windows))):
            fresh.append(answer)
            if time.monotonic() - since >= PIECE_S:
                parts.append(_keep(folder, parts, fresh))
                fresh, since = [], time.monotonic()
    finally:
        if fresh:
            parts.append(_keep(folder, parts, fresh))
    found = TraceBatch.joined(parts)
    return replace(found, origin=replace(found.origin, window_tokens=int(windows.lengths.max())))


def _kept_pieces(folder: Path) -> Iterator[TraceBatch]:
    """Yield the pieces from the first window on, as far as they follow each other."""
    start = 0
    while (table := kept(folder, f"{start:07d}")) is not None:
        piece = trace_of(table)
        yield piece
        start += piece.texts


def _keep(folder: Path, before: list[TraceBatch], fresh: list[TraceBatch]) -> TraceBatch:
    piece = TraceBatch.joined([_plain(answer) for answer in fresh])
    keep(folder, f"{sum(part.texts for part in before):07d}", trace_table(piece))
    return piece


def _plain(answer: TraceBatch) -> TraceBatch:
    """Return an answer under an origin that does not depend on how long its own windows are."""
    return replace(answer, origin=replace(answer.origin, window_tokens=0))
