"""Entropy of counts, as an integer that is the same on every CPU."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.text.kernel import Integer, inline_kernel, kernel

__all__ = ["MICRO", "TABLE_SIZE", "micronats", "product_table", "product_with_log"]

MICRO: Final = 1_000_000
"""Micronats in a nat."""

TABLE_SIZE: Final = 4096
"""Counts below this are looked up in `product_table`."""

LN_2: Final = 0.6931471805599453
HALF_ROOT: Final = 0.7071067811865476


@inline_kernel
def product_with_log(count: Integer) -> float:
    """Return `count` times its natural logarithm; 0 for 0.

    By additions, multiplications and divisions alone, whose results IEEE 754 fixes: the logarithm of a
    system's mathematics library may differ in its last bit.
    """
    if count <= 1:
        return 0.0
    mantissa = np.float64(count)
    halvings = 0
    while mantissa > 1.0:
        mantissa *= 0.5
        halvings += 1
    if mantissa < HALF_ROOT:
        mantissa *= 2.0
        halvings -= 1
    z = (mantissa - 1.0) / (mantissa + 1.0)
    square = z * z
    series = 0.0
    for odd in range(25, 0, -2):
        series = series * square + 1.0 / odd
    return np.float64(count) * (halvings * LN_2 + 2.0 * z * series)


@kernel
def _fill(table: npt.NDArray[np.float64]) -> None:
    """Write `product_with_log` of every index."""
    for count in range(table.size):
        table[count] = product_with_log(count)


@cache
def product_table() -> npt.NDArray[np.float64]:
    """Return float64[TABLE_SIZE]: each count times its natural logarithm."""
    table = np.empty(TABLE_SIZE, np.float64)
    _fill(table)
    table.flags.writeable = False
    return table


@inline_kernel
def micronats(total: Integer, products: float) -> Integer:
    """Return the entropy of counts, in millionths of a nat, rounded to the nearest.

    Parameters
    ----------
    total : int
        Sum of the counts, above 0.
    products : float
        Sum of `product_with_log` of the counts, added in a fixed order.
    """
    entropy = (product_with_log(total) - products) / np.float64(total)
    return max(np.int64(np.floor(entropy * MICRO + 0.5)), np.int64(0))
