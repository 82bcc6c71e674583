"""The one decorator every kernel wears.

A kernel is a plain function over numpy arrays that numba compiles on its first call and keeps on
disk. Kernels take tables as arguments, never as globals (numba would bake a global array into the
machine code), and index with values the caller has proven to be in range: there is no bounds check.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np

__all__ = ["Integer", "inline_kernel", "kernel", "sum_kernel"]

Integer: TypeAlias = int | np.integer[Any]
"""What a kernel calls an index or a count: Python's integers outside numba, numpy's inside."""

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile `function` on its first call; cached on disk, without the GIL, without fast-math.

    Floating-point results are those of IEEE arithmetic in source order, so that they are the same
    on every CPU. Integer arithmetic wraps.
    """
    return cast("Function", numba.njit(cache=True, nogil=True, boundscheck=False, fastmath=False)(function))


def inline_kernel(function: Function) -> Function:
    """Compile as `kernel`, and copy into each kernel that calls it: for steps of an inner loop.

    Give it scalars only: an array handed over costs a reference count at every call.
    """
    compiled = numba.njit(cache=True, nogil=True, boundscheck=False, fastmath=False, forceinline=True)
    return cast("Function", compiled(function))


def sum_kernel(function: Function) -> Function:
    """Compile as `kernel`, but let floating-point sums be taken in another order, many numbers at a time.

    The order depends on the kind of CPU and on nothing else; so may the last bit. NaN and infinities stay what they are.
    """
    order = {"reassoc", "contract", "nsz"}
    return cast("Function", numba.njit(cache=True, nogil=True, boundscheck=False, fastmath=order)(function))
