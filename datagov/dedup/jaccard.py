"""Exact Jaccard similarity: sorted sets of shingle hashes, and how much two of them share."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from datagov.dedup.mixing import fixed, ragged
from datagov.errors import ConfigError, InputError
from datagov.text.kernel import kernel

__all__ = ["as_fraction", "intersection_size", "jaccard_counts", "reaches", "shingle_sets"]

LARGEST_DENOMINATOR = 10**9
"""With it, denominator times set size stays below 2^63 for sets of up to 2^33 shingles."""


def as_fraction(threshold: float | Fraction | str) -> Fraction:
    """Return a similarity threshold as the exact fraction its decimal notation says.

    0.7 is seven tenths, not the binary number nearest to it, so that 7 shared shingles of 10 reach it.

    Raises
    ------
    ConfigError
        When it is not in (0, 1] or has more than nine decimals.
    """
    try:
        fraction = threshold if isinstance(threshold, Fraction) else Fraction(str(threshold))
    except ValueError:
        raise ConfigError(f"{threshold!r} is not a Jaccard threshold; write a number such as 0.7") from None
    if not 0 < fraction <= 1:
        raise ConfigError(f"a Jaccard threshold lies above 0 and at most at 1, not at {threshold}")
    if fraction.denominator > LARGEST_DENOMINATOR:
        raise ConfigError(f"a Jaccard threshold has at most nine decimals; {threshold} has more")
    return fraction


def reaches(intersection: np.ndarray, union: np.ndarray, threshold: float | Fraction | str) -> np.ndarray:
    """Return bool[M]: intersection / union >= threshold, in integers; an empty union never does."""
    fraction = as_fraction(threshold)
    intersection, union = np.asarray(intersection, np.int64), np.asarray(union, np.int64)
    reached: np.ndarray = (union > 0) & (intersection * fraction.denominator >= union * fraction.numerator)
    return reached


def shingle_sets(shingles: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort every document's shingle hashes and drop repeats.

    Parameters
    ----------
    shingles : uint64[S]
        Shingle hashes in any order.
    offsets : int64[N+1]
        Document i owns `shingles[offsets[i]:offsets[i+1]]`.

    Returns
    -------
    sets : uint64[U]
        Ascending and distinct within each document.
    offsets : int64[N+1]
        Document i owns `sets[offsets[i]:offsets[i+1]]`.
    """
    shingles, offsets = ragged(shingles, offsets, np.uint64)
    sets = np.empty(len(shingles), dtype=np.uint64)
    set_offsets = np.zeros(len(offsets), dtype=np.int64)
    used = _sort_distinct(shingles, offsets, sets, set_offsets)
    return sets[:used].copy() if used < len(sets) else sets, set_offsets


@kernel
def _sort_distinct(
    shingles: np.ndarray, offsets: np.ndarray, sets: np.ndarray, set_offsets: np.ndarray
) -> int:
    used = 0
    longest = 1
    for document in range(len(offsets) - 1):
        longest = max(longest, offsets[document + 1] - offsets[document])
    work = np.empty(longest, dtype=np.uint64)
    ends = np.empty(2 * longest + 2, dtype=np.int64)
    for document in range(len(offsets) - 1):
        start = offsets[document]
        size = offsets[document + 1] - start
        _sort_hashes(shingles, start, size, work, ends)
        for i in range(size):
            if i == 0 or work[i] != work[i - 1]:
                sets[used] = work[i]
                used += 1
        set_offsets[document + 1] = used
    return used


@kernel
def _sort_hashes(shingles: np.ndarray, start: int, size: int, work: np.ndarray, ends: np.ndarray) -> None:
    # Hashes are spread evenly: parted by their top bits into about as many bins as there are hashes,
    # each bin holds a few and one pass of insertion finishes. Bins that repeats have made large are
    # sorted by themselves.
    bits = 1
    while (1 << bits) < size and bits < 62:
        bits += 1
    shift = np.uint64(64 - bits)
    bins = 1 << bits
    for i in range(bins + 1):
        ends[i] = 0
    for i in range(start, start + size):
        ends[np.int64(shingles[i] >> shift) + 1] += 1
    crowded = False
    for i in range(bins):
        crowded = crowded or ends[i + 1] > 32
        ends[i + 1] += ends[i]
    for i in range(start, start + size):
        place = np.int64(shingles[i] >> shift)
        work[ends[place]] = shingles[i]
        ends[place] += 1
    if crowded:
        # The scatter has moved every start to its end: bin i is now ends[i-1] up to ends[i].
        for i in range(bins):
            low = ends[i - 1] if i > 0 else 0
            if ends[i] - low > 32:
                work[low : ends[i]] = np.sort(work[low : ends[i]])
    for i in range(1, size):
        value = work[i]
        j = i
        while j > 0 and work[j - 1] > value:
            work[j] = work[j - 1]
            j -= 1
        work[j] = value


@kernel
def shared(sets: np.ndarray, a: int, a_end: int, b: int, b_end: int) -> int:
    """Count the values that sets[a:a_end] and sets[b:b_end], both ascending and distinct, share."""
    count = 0
    while a < a_end and b < b_end:
        x = sets[a]
        y = sets[b]
        # Without branches: which side advances cannot be predicted.
        count += int(x == y)
        a += int(x <= y)
        b += int(y <= x)
    return count


def intersection_size(set_a: np.ndarray, set_b: np.ndarray) -> int:
    """Count the shingles two sets, uint64[.] ascending and distinct, have in common."""
    both = fixed(np.concatenate((set_a, set_b)), np.uint64)
    return int(shared(both, 0, len(set_a), len(set_a), len(both)))


def jaccard_counts(
    sets: np.ndarray, offsets: np.ndarray, a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (intersection int64[M], union int64[M]) of the pairs of documents (a, b).

    Parameters
    ----------
    sets : uint64[U]
        `shingle_sets`.
    offsets : int64[N+1]
        Document i owns `sets[offsets[i]:offsets[i+1]]`.
    a, b : int64[M]
        Documents of each pair.

    Jaccard is intersection / union; undefined where the union is 0, and such pairs never match.
    """
    a, b = fixed(a, np.int64), fixed(b, np.int64)
    sets, offsets = ragged(sets, offsets, np.uint64)
    for side in (a, b):
        if len(side) and not 0 <= side.min() <= side.max() < len(offsets) - 1:
            raise InputError(f"a pair names a document that is not among the {len(offsets) - 1} given")
    intersection = np.empty(len(a), dtype=np.int64)
    _pairs(sets, offsets, a, b, intersection)
    sizes = np.diff(offsets)
    return intersection, sizes[a] + sizes[b] - intersection


@kernel
def _pairs(sets: np.ndarray, offsets: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    for pair in range(len(a)):
        out[pair] = shared(
            sets, offsets[a[pair]], offsets[a[pair] + 1], offsets[b[pair]], offsets[b[pair] + 1]
        )
