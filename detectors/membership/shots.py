"""Shots for ReCaLL and Con-ReCaLL: texts put in front, from a pool that shares nothing with what is scored."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pyarrow as pa

from datagov.errors import InputError
from datagov.ids import hex_id, value_ids
from datagov.text.normal import normal_bytes

__all__ = ["DEFAULT_SHOTS", "draw_shots"]

DEFAULT_SHOTS = 12
SHOWN = 10


def draw_shots(
    pool: Sequence[str], scored: Sequence[str], *, count: int = DEFAULT_SHOTS, seed: int = 0
) -> list[str]:
    """Return `count` texts of the pool, drawn without replacement, in drawn order.

    Parameters
    ----------
    pool : sequence of str
        Known non-members (for Con-ReCaLL also: known members).
    scored : sequence of str
        Suspects and calibration texts.
    count : int
        Shots; 12 as in the papers' code.
    seed : int
        The same seed draws the same shots.

    Raises
    ------
    InputError
        A text of the pool is scored as well (equal up to normal form), or the pool is too small.
    """
    among = set(_content_ids(scored)) - {None}
    shared = [
        (place, id_) for place, id_ in enumerate(_content_ids(pool)) if id_ is not None and id_ in among
    ]
    if shared:
        listed = ", ".join(f"row {place} ({hex_id(id_)})" for place, id_ in shared[:SHOWN])
        raise InputError(
            f"{len(shared)} texts of the pool of shots are scored as well: {listed}. A score must not depend on a text "
            "that it scores; take them out of the pool"
        )
    usable = sorted({text for text in pool if text.strip()})
    if len(usable) < count:
        raise InputError(
            f"the pool of shots has {len(usable)} different texts, and {count} shots are drawn; give more texts, or "
            "draw fewer (--shots)"
        )
    return random.Random(seed).sample(usable, count)  # noqa: S311 - seeded on purpose, no secret


def _content_ids(texts: Sequence[str]) -> list[bytes | None]:
    ids = value_ids(normal_bytes(pa.array(texts, type=pa.large_string())))
    return [None if value is None else bytes(value) for value in ids.storage.to_pylist()]
