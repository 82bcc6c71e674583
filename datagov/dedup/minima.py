"""The smallest values that permutations of a document's shingles take, the dearest loop of near-duplicate search.

A processor that multiplies 64-bit integers in vectors (AVX-512 DQ) makes whole products; any other makes their
upper halves from 32-bit ones, which is faster there. The signatures are the same.
"""

from __future__ import annotations

from functools import cache

import llvmlite.binding
import numpy as np

from datagov.text.kernel import kernel

__all__ = ["fill_minima", "fill_signatures", "halves", "products"]

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


@kernel
def _document_minima(shingles: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    # Eight shingles a pass over the permutations: the loop over p becomes vector multiplications
    # with the eight shingles in registers, and the minima are loaded and stored once for eight.
    count = len(a)
    for p in range(count):
        out[p] = np.uint64(0xFFFFFFFFFFFFFFFF)
    stop = len(shingles)
    i = 0
    while i + 8 <= stop:
        x0, x1, x2, x3 = shingles[i], shingles[i + 1], shingles[i + 2], shingles[i + 3]
        x4, x5, x6, x7 = shingles[i + 4], shingles[i + 5], shingles[i + 6], shingles[i + 7]
        for p in range(count):
            ap, bp = a[p], b[p]
            v0 = np.uint64(np.uint64(ap * x0) + bp)
            v1 = np.uint64(np.uint64(ap * x1) + bp)
            v2 = np.uint64(np.uint64(ap * x2) + bp)
            v3 = np.uint64(np.uint64(ap * x3) + bp)
            v4 = np.uint64(np.uint64(ap * x4) + bp)
            v5 = np.uint64(np.uint64(ap * x5) + bp)
            v6 = np.uint64(np.uint64(ap * x6) + bp)
            v7 = np.uint64(np.uint64(ap * x7) + bp)
            out[p] = min(out[p], v0, v1, v2, v3, v4, v5, v6, v7)
        i += 8
    while i < stop:
        x = shingles[i]
        for p in range(count):
            out[p] = min(out[p], np.uint64(np.uint64(a[p] * x) + b[p]))
        i += 1


@kernel
def products(
    shingles: np.ndarray, offsets: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray
) -> None:
    """Fill uint32[N, P] with the upper halves of the minima."""
    smallest = np.empty(len(a), dtype=np.uint64)
    for document in range(len(offsets) - 1):
        _document_minima(shingles[offsets[document] : offsets[document + 1]], a, b, smallest)
        for p in range(len(a)):
            out[document, p] = np.uint32(smallest[p] >> HALF)


@kernel
def halves(shingles: np.ndarray, offsets: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """Fill uint32[N, P] as `products` does: the smallest upper half is that of the smallest value.

    The upper half of a * x + b, halves named 1 and 0, is that of a0 * x0 + b, plus a0 * x1 + a1 * x0.
    """
    count = len(a)
    low, high = np.empty(count, np.uint32), np.empty(count, np.uint32)
    for p in range(count):
        low[p], high[p] = np.uint32(a[p] & LOW), np.uint32(a[p] >> HALF)
    for document in range(len(offsets) - 1):
        row = out[document]
        for p in range(count):
            row[p] = np.uint32(0xFFFFFFFF)
        i, stop = offsets[document], offsets[document + 1]
        while i + 4 <= stop:
            x, y, z, w = shingles[i], shingles[i + 1], shingles[i + 2], shingles[i + 3]
            x0, y0, z0, w0 = x & LOW, y & LOW, z & LOW, w & LOW
            for p in range(count):
                a0, a1, bp = low[p], high[p], b[p]
                wide = np.uint64(a0)
                u = np.uint32((wide * x0 + bp) >> HALF)
                u = np.uint32(u + np.uint32(a0 * np.uint32(x >> HALF)) + np.uint32(a1 * np.uint32(x0)))
                smallest = min(row[p], u)
                u = np.uint32((wide * y0 + bp) >> HALF)
                u = np.uint32(u + np.uint32(a0 * np.uint32(y >> HALF)) + np.uint32(a1 * np.uint32(y0)))
                smallest = min(smallest, u)
                u = np.uint32((wide * z0 + bp) >> HALF)
                u = np.uint32(u + np.uint32(a0 * np.uint32(z >> HALF)) + np.uint32(a1 * np.uint32(z0)))
                smallest = min(smallest, u)
                u = np.uint32((wide * w0 + bp) >> HALF)
                u = np.uint32(u + np.uint32(a0 * np.uint32(w >> HALF)) + np.uint32(a1 * np.uint32(w0)))
                row[p] = min(smallest, u)
            i += 4
        while i < stop:
            x = shingles[i]
            for p in range(count):
                u = np.uint32((np.uint64(low[p]) * (x & LOW) + b[p]) >> HALF)
                u = np.uint32(
                    u + np.uint32(low[p] * np.uint32(x >> HALF)) + np.uint32(high[p] * np.uint32(x & LOW))
                )
                row[p] = min(row[p], u)
            i += 1


@cache
def multiplies_64_bits() -> bool:
    """Return whether this processor has vector instructions for 64-bit products."""
    return bool(llvmlite.binding.get_host_cpu_features().get("avx512dq"))


def fill_signatures(
    shingles: np.ndarray, offsets: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray
) -> None:
    """Fill uint32[N, P] with the upper halves of the minima of a * x + b, all ones without shingles.

    Parameters
    ----------
    shingles : uint64[S]
    offsets : int64[N+1]
    a, b : uint64[P]
        Arithmetic is modulo 2^64.
    out : uint32[N, P]
    """
    fill = products if multiplies_64_bits() else halves
    fill(shingles, offsets, a, b, out)


@kernel
def fill_minima(
    shingles: np.ndarray, offsets: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray
) -> None:
    """Fill uint64[N, P] with the minima of a * x + b, all ones without shingles."""
    for document in range(len(offsets) - 1):
        _document_minima(shingles[offsets[document] : offsets[document + 1]], a, b, out[document])
