"""The 64-bit hash of a sequence of code points that words and tokens carry.

Each step is one multiplication and, for a given character, maps states one to one; the last step
mixes all bits. Two different texts meet with about the chance of a random 64-bit function. It is
fixed, because stored sketches stand on it, and it does not resist someone who searches for
collisions. The initial state is zero so that a loop over characters can restart it with one `and`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.text.kernel import Integer, inline_kernel, kernel

__all__ = ["finish", "finish_all", "hash_points", "hash_text", "step"]

MARK: Final = np.uint64(1 << 32)
"""Set beside every character, so that NUL moves the state as others do."""
STEP: Final = np.uint64(0xD6E8FEB86659FD93)
FINISH_1: Final = np.uint64(0xFF51AFD7ED558CCD)
FINISH_2: Final = np.uint64(0xC4CEB9FE1A85EC53)
SHIFT: Final = np.uint64(32)


@inline_kernel
def step(state: np.uint64, point: np.uint32) -> np.uint64:
    """Return the state after one more code point; the first state is 0."""
    return (state ^ (np.uint64(point) | MARK)) * STEP


@inline_kernel
def finish(state: np.uint64) -> np.uint64:
    """Return the hash of the code points seen."""
    state = (state ^ (state >> SHIFT)) * FINISH_1
    state = (state ^ (state >> SHIFT)) * FINISH_2
    return state ^ (state >> SHIFT)


@kernel
def finish_all(states: npt.NDArray[np.uint64]) -> None:
    """Replace states by their hashes."""
    for at in range(states.shape[0]):
        states[at] = finish(states[at])


@inline_kernel
def hash_points(points: npt.NDArray[np.uint32], start: Integer, stop: Integer) -> np.uint64:
    """Return the hash of `points[start:stop]`."""
    state = np.uint64(0)
    for at in range(np.uint64(start), np.uint64(stop)):
        state = step(state, points[at])
    return finish(state)


def hash_text(text: str) -> int:
    """Compute the same hash in plain Python: what a stored word or token hash means."""
    mask = (1 << 64) - 1
    state = 0
    for char in text:
        state = (state ^ (ord(char) | int(MARK))) * int(STEP) & mask
    state = (state ^ (state >> 32)) * int(FINISH_1) & mask
    state = (state ^ (state >> 32)) * int(FINISH_2) & mask
    return state ^ (state >> 32)
