"""Family char_ngrams@1: how far character n-grams of one size, which a profile chooses, repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.errors import ConfigError
from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.text.hashing import MARK, STEP, finish
from datagov.text.kernel import Integer, inline_kernel, kernel
from datagov.text.tables import kind_index, unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["CHAR_NGRAMS", "measure"]

COLUMNS = ("ngrams", "repeated_ngrams", "frequent_ngrams")

SPACE = kind_index("space")
ONE = np.uint64(1)


@inline_kernel
def sum_of_largest(histogram: npt.NDArray[np.int64], most: Integer, wanted: Integer) -> Integer:
    """Return the sum of the `wanted` largest counts; `histogram[c]` of them are c, none above `most`."""
    total = np.int64(0)
    count = np.int64(most)
    while wanted > 0 and count > 0:
        taken = min(wanted, histogram[count])
        total += taken * count
        wanted -= taken
        count -= 1
    return total


@kernel
def count_ngrams(
    code_points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    kind: npt.NDArray[np.uint8],
    lower: npt.NDArray[np.uint32],
    skip_spaces: bool,
    to_lower: bool,
    size: int,
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill `counts` int64[N, 3], in the order of `COLUMNS`.

    The hash of an n-gram is a polynomial that rolls along the text, then mixed.
    """
    longest = 1
    for d in range(offsets.size - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    capacity = 4
    while capacity < 4 * longest:
        capacity *= 2
    keys = np.zeros(capacity, np.uint64)
    count = np.zeros(capacity, np.uint32)
    points = np.empty(longest + 1, np.uint64)
    slots = np.empty(longest, np.uint64)
    histogram = np.zeros(longest + 1, np.int64)
    leaving = np.uint64(1)  # factor of an n-gram's first character
    for _ in range(size - 1):
        leaving *= STEP
    n = np.uint64(size)

    for d in range(offsets.size - 1):
        length = np.uint64(0)
        for at in range(np.uint64(offsets[d]), np.uint64(offsets[d + 1])):
            c = code_points[at]
            if to_lower and c < lower.size:
                c = lower[c]
            points[length] = np.uint64(c) | MARK
            length += np.uint64(not (skip_spaces and kind[classes[at]] == SPACE))
        if length < n:
            counts[d, :] = 0
            continue
        ngrams = length - n + ONE
        bits = 2
        while np.uint64(1 << bits) < np.uint64(3) * ngrams:
            bits += 1
        mask, shift = np.uint64((1 << bits) - 1), np.uint64(64 - bits)
        count[: np.int64(mask + ONE)] = 0
        state = np.uint64(0)
        for i in range(n - ONE):
            state = state * STEP + points[i]
        distinct = np.int64(0)
        for i in range(ngrams):
            state = state * STEP + points[i + n - ONE]
            key = finish(state)
            state -= points[i] * leaving
            slot = key >> shift
            while (count[slot] != 0) & (keys[slot] != key):
                slot = (slot + ONE) & mask
            distinct += count[slot] == 0
            keys[slot] = key
            count[slot] += np.uint32(1)
            slots[i] = slot
        repeated = np.int64(0)
        different = np.int64(0)
        most = np.int64(1)
        for i in range(ngrams):
            held = np.int64(count[slots[i]])
            repeated += held > 1
            most = max(most, held)
        histogram[: most + 1] = 0
        for i in range(ngrams):
            held = np.int64(count[slots[i]])
            if held > 1:  # counted at its first copy, and noted as such
                histogram[held] += 1
                different += 1
                count[slots[i]] = np.uint32(1)
        wanted = min(np.int64(np.sqrt(np.float64(distinct))), different)
        counts[d, 0] = ngrams
        counts[d, 1] = repeated
        counts[d, 2] = sum_of_largest(histogram, most, wanted)


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of char_ngrams@1 for `batch`, all int64 and never NULL, one row a document.

    `ngrams` of `params["size"]` characters; those that are `repeated_ngrams`, and `frequent_ngrams`.

    Raises
    ------
    ConfigError
        The size is not positive.
    """
    tables = unicode_tables()
    size = int(params["size"])
    if size < 1:
        raise ConfigError(f"char_ngrams: size is {size}, but must be at least 1.")
    counts = np.empty((batch.n, len(COLUMNS)), np.int64)
    count_ngrams(
        batch.code_points,
        batch.classes,
        batch.offsets,
        tables.kind,
        tables.lower,
        bool(params["skip_spaces"]),
        bool(params["lower"]),
        size,
        counts,
    )
    return pa.RecordBatch.from_pydict(
        {name: pa.array(np.ascontiguousarray(counts[:, at])) for at, name in enumerate(COLUMNS)}
    )


LOOKED_AT = (
    "n is `size` (13); characters are the code points of the text, without white space under `skip_spaces` and "
    "in lower case under `lower`."
)

CHAR_NGRAMS = SignalFamily(
    name="char_ngrams",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="repeated_char_ngram_fraction",
            numerator="repeated_ngrams",
            denominator="ngrams",
            unit="n-grams over n-grams",
            formula=(
                "N-grams of characters that occur more than once, every copy counted, over all n-grams; "
                f"{LOOKED_AT}"
            ),
            value_range=(0.0, 1.0),
            null_when="fewer characters than the n-gram has",
            source="EvalWeb (Chen et al. 2023, arXiv 2311.01149), ChineseWebText preprocess.py, judge_inner_repeat",
            differs=(
                "The script misses the last n-gram, takes a shorter text for one n-gram, and skips only the "
                "space, tab and newline. N-grams are compared by a 64-bit hash."
            ),
        ),
        RuleInfo(
            name="frequent_char_ngram_fraction",
            numerator="frequent_ngrams",
            denominator="ngrams",
            unit="n-grams over n-grams",
            formula=(
                "Of the different n-grams of characters, the most frequent ones are taken: as many as the square "
                "root of their number, rounded down, but only such as occur more than once. Their occurrences "
                f"over all n-grams; {LOOKED_AT}"
            ),
            value_range=(0.0, 1.0),
            null_when="fewer characters than the n-gram has",
            source=(
                "ROOTS (Laurençon et al. 2022, arXiv 2303.03915), 01b_oscar_cleaning_and_filtering, "
                "compute_character_repetition_ratio"
            ),
            differs=(
                "NULL instead of 0 for short texts. ROOTS removes control characters and makes all white space "
                "one space first. N-grams are compared by a 64-bit hash."
            ),
        ),
    ),
    defaults={"size": 13, "skip_spaces": False, "lower": False},
)
