"""The 64-bit mixer all hashes here end with, the numbers drawn from it, and the arrays kernels take.

`mix64` is the finaliser of MurmurHash3: a bijection in which every input bit moves every output bit.
It is also the mixer datasketch applies before its affine permutations, which is what lets signatures
be carried there and back exactly (see interop).
"""

from __future__ import annotations

import numpy as np

from datagov.errors import InputError
from datagov.text.kernel import kernel

__all__ = ["draw64", "fixed", "mix64", "ragged", "unmix64"]

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
MULTIPLY_1 = np.uint64(0xFF51AFD7ED558CCD)
MULTIPLY_2 = np.uint64(0xC4CEB9FE1A85EC53)
SHIFT = np.uint64(33)


@kernel
def mix64(value: np.uint64) -> np.uint64:
    """Mix one uint64: a bijection on [0, 2^64).

    Source: MurmurHash3 `fmix64` (Austin Appleby, public domain).
    """
    value = np.uint64(value)
    value = np.uint64(value ^ (value >> SHIFT))
    value = np.uint64(value * MULTIPLY_1)
    value = np.uint64(value ^ (value >> SHIFT))
    value = np.uint64(value * MULTIPLY_2)
    return np.uint64(value ^ (value >> SHIFT))


def _python_mix64(value: int) -> int:
    value ^= value >> 33
    value = value * int(MULTIPLY_1) & MASK
    value ^= value >> 33
    value = value * int(MULTIPLY_2) & MASK
    return value ^ (value >> 33)


def unmix64(value: int) -> int:
    """Return the integer that `mix64` maps to `value`; both in [0, 2^64)."""
    value = int(value)
    # A shift by more than half the width is undone by itself.
    value ^= value >> 33
    value = value * pow(int(MULTIPLY_2), -1, 1 << 64) & MASK
    value ^= value >> 33
    value = value * pow(int(MULTIPLY_1), -1, 1 << 64) & MASK
    return value ^ (value >> 33)


def draw64(seed: int, count: int, *, stream: int = 0) -> np.ndarray:
    """Draw `count` uint64 from a seed, the same for ever and on every machine.

    Numpy does not promise its generators' streams across versions; permutations of stored signatures
    must not depend on them. The first numbers of a longer draw are those of a shorter one.

    Parameters
    ----------
    seed : int
        Any integer; taken modulo 2^64.
    count : int
        How many numbers.
    stream : int
        Separates draws from the same seed.

    Returns
    -------
    uint64[count]
        Source: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) with `mix64` as its finaliser.
    """
    state = _python_mix64((seed + stream * GOLDEN + GOLDEN) & MASK)
    return np.array(
        [_python_mix64((state + i * GOLDEN) & MASK) for i in range(1, count + 1)], dtype=np.uint64
    )


def fixed(array: np.ndarray, dtype: type[np.generic]) -> np.ndarray:
    """Return a contiguous read-only view of `array` with `dtype`.

    Numba compiles one version of a kernel for each kind of array it meets. Arrow's buffers are
    read-only and numpy's are not; every kernel here is called with read-only views, so that there is
    one version and `warm` has compiled it.
    """
    view = np.ascontiguousarray(array, dtype=dtype).view()
    view.flags.writeable = False
    return view


def ragged(values: np.ndarray, offsets: np.ndarray, dtype: type[np.generic]) -> tuple[np.ndarray, np.ndarray]:
    """Return `fixed` views of the values and offsets (int64[N+1]) of N lists, checked to fit together.

    Kernels do not check bounds; offsets that point outside would read other memory.

    Raises
    ------
    InputError
        When offsets are missing, fall, or point outside the values.
    """
    views = fixed(values, dtype), fixed(offsets, np.int64)
    bounds = views[1]
    if len(bounds) == 0 or bounds[0] < 0 or bounds[-1] > len(values) or (np.diff(bounds) < 0).any():
        raise InputError(f"offsets of {len(bounds)} entries do not divide {len(values)} values into lists")
    return views
