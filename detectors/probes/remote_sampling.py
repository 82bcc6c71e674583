"""Texts drawn from a model behind an endpoint: a request each, within a budget, and kept until all are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from datagov.errors import TargetRefused
from datagov.ids import digest
from detectors.kept import keep, kept
from detectors.targets.http.target import HttpTarget

__all__ = ["Drawn", "draw_texts", "seeds_of"]

CHUNK: Final = 64
"""Texts of a file: what an interruption costs at most."""


@dataclass(frozen=True)
class Drawn:
    """Texts in the order of their seeds."""

    texts: list[str]
    repeatable: bool
    """Whether the first seed gave its text again; False also where the endpoint takes no seeds."""


def draw_texts(
    target: HttpTarget, *, count: int, tokens: int, top_k: int | None, seed: int, store: Path | None
) -> Drawn:
    """Draw texts after the start token; the first of them do not depend on how many there are.

    Parameters
    ----------
    store : Path or None
        Where finished texts are kept; None to keep nothing.

    Raises
    ------
    ConfigError
        Nothing can be drawn in this convention, or there is no start token.
    TargetError
        The endpoint refuses to draw, or is not there.
    PartialRun
        The budget is spent.
    """
    seeds = seeds_of(seed, count)
    again, seeded = _first(target, seeds[0], tokens, top_k)
    named = digest("drawn/1", target.facts.digest, str(tokens), str(top_k), str(seed), str(seeded))
    texts: list[str] = []
    for start in range(0, count, CHUNK):
        part = seeds[start : start + CHUNK]
        name = f"{start:07d}-{start + len(part):07d}"
        known = None if store is None else kept(store / named, name)
        if known is not None:
            texts += known.column("text").to_pylist()
            continue
        said = target.draw(part, tokens=tokens, top_k=top_k, seeded=seeded)
        if store is not None:
            keep(store / named, name, pa.table({"text": pa.array(said, pa.large_string())}))
        texts += said
    return Drawn(texts, seeded and texts[0] == again)


def seeds_of(seed: int, count: int) -> list[int]:
    """Return the seed of each text, in [0, 2^31), which every engine takes."""
    return [int(np.random.SeedSequence([seed, at]).generate_state(1)[0] & 0x7FFFFFFF) for at in range(count)]


def _first(target: HttpTarget, seed: int, tokens: int, top_k: int | None) -> tuple[str, bool]:
    """Return the first text, and whether the endpoint takes a seed with it."""
    try:
        return target.draw([seed], tokens=tokens, top_k=top_k)[0], True
    except TargetRefused as refused:
        try:
            return target.draw([seed], tokens=tokens, top_k=top_k, seeded=False)[0], False
        except TargetRefused:
            raise refused from None
