"""Family vocabulary@1: how varied the words of a document are, and how they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, SignalFamily
from datagov.signals.entropy import MICRO, TABLE_SIZE, micronats, product_table, product_with_log
from datagov.signals.letter_case import LOWER, UPPER, letter_case
from datagov.signals.vocabulary_rules import RULES
from datagov.text.hashing import finish, step
from datagov.text.kernel import inline_kernel, kernel
from datagov.text.segments import ALL_SYMBOL
from datagov.text.tables import kind_index, unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["VOCABULARY", "measure"]

COLUMNS = (
    "words",
    "all_caps_words",
    "nonletter_words",
    "number_words",
    "distinct_words",
    "entropy_micronats",
    "ngrams",
    "repeated_ngrams",
)

LETTER = kind_index("letter")
NUMBER = kind_index("number")
PUNCTUATION = kind_index("punctuation")
SYMBOL = kind_index("symbol")

NGRAM_STEP = np.uint64(0x9E3779B97F4A7C15)
ONE = np.uint64(1)


@kernel
def lower_words(
    code_points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    kind: npt.NDArray[np.uint8],
    lower: npt.NDArray[np.uint32],
    case: npt.NDArray[np.uint8],
    hashes: npt.NDArray[np.uint64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Write the hash of each lower-cased word; fill the first four columns of `counts` int64[N, 8].

    `hashes` uint64[W] holds, from a document's first word on, those of its words that are not all
    symbols.
    """
    for d in range(offsets.size - 1):
        words = np.int64(0)
        capitals = np.int64(0)
        nonletter = np.int64(0)
        numbers = np.int64(0)
        for w in range(offsets[d], offsets[d + 1]):
            if flags[w] & ALL_SYMBOL != 0:
                nonletter += 1
                continue
            state = np.uint64(0)
            seen_case = np.uint8(0)
            letters = True
            digits = True
            for at in range(np.uint64(start[w]), np.uint64(end[w])):
                c = code_points[at]
                if c < lower.size:
                    seen_case |= case[c]
                    c = lower[c]
                state = step(state, c)
                kind_here = kind[classes[at]]
                letters &= kind_here == LETTER
                digits &= kind_here == NUMBER
            hashes[offsets[d] + words] = finish(state)
            words += 1
            capitals += seen_case & (UPPER | LOWER) == UPPER
            nonletter += not letters
            numbers += digits
        counts[d, 0] = words
        counts[d, 1] = capitals
        counts[d, 2] = nonletter
        counts[d, 3] = numbers


@inline_kernel
def put(
    keys: npt.NDArray[np.uint64],
    count: npt.NDArray[np.int32],
    key: np.uint64,
    mask: np.uint64,
    shift: np.uint64,
) -> np.uint64:
    """Count `key` in the open-addressing table (free where `count` is 0); return its slot."""
    slot = key >> shift
    while (count[slot] != 0) & (keys[slot] != key):
        slot = (slot + ONE) & mask
    keys[slot] = key
    count[slot] += 1
    return slot


@kernel
def count_repetition(
    hashes: npt.NDArray[np.uint64],
    offsets: npt.NDArray[np.int64],
    size: int,
    products: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill the last four columns of `counts` int64[N, 8]; -1 for the entropy without a word.

    `size` words make an n-gram; `products` float64[TABLE_SIZE] as `entropy.product_table`.
    """
    longest = 1
    for d in range(offsets.size - 1):
        longest = max(longest, counts[d, 0])
    capacity = 4
    while capacity < 4 * longest:
        capacity *= 2
    keys = np.zeros(capacity, np.uint64)
    count = np.zeros(capacity, np.int32)
    slots = np.empty(longest, np.uint64)
    for d in range(offsets.size - 1):
        words = counts[d, 0]
        first = offsets[d]
        bits = 2
        while (1 << bits) < 2 * words:
            bits += 1
        mask, shift = np.uint64((1 << bits) - 1), np.uint64(64 - bits)
        for i in range(words):
            slots[i] = put(keys, count, hashes[first + i], mask, shift)
        distinct = np.int64(0)
        total = 0.0
        for i in range(words):
            held = count[slots[i]]
            if held > 0:
                distinct += 1
                total += products[held] if held < TABLE_SIZE else product_with_log(held)
                count[slots[i]] = 0
        counts[d, 4] = distinct
        counts[d, 5] = micronats(words, total) if words > 0 else -1
        ngrams = max(words - size + 1, 0)
        for i in range(ngrams):
            state = np.uint64(0)
            for w in range(first + i, first + i + size):
                state = state * NGRAM_STEP + hashes[w]
            slots[i] = put(keys, count, finish(state), mask, shift)
        repeated = np.int64(0)
        for i in range(ngrams):
            repeated += count[slots[i]] > 1
        for i in range(ngrams):
            count[slots[i]] = 0
        counts[d, 6] = ngrams
        counts[d, 7] = repeated


@kernel
def count_unmarked(
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    kind: npt.NDArray[np.uint8],
    unmarked: npt.NDArray[np.int64],
) -> None:
    """Count the characters of each document that are neither punctuation nor symbols: int64[N]."""
    plain = np.empty(256, np.int64)
    for cls in range(256):
        plain[cls] = (kind[cls] != PUNCTUATION) & (kind[cls] != SYMBOL)
    for d in range(offsets.size - 1):
        total = np.int64(0)
        for at in range(np.uint64(offsets[d]), np.uint64(offsets[d + 1])):
            total += plain[classes[at]]
        unmarked[d] = total


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of vocabulary@1 for `batch`, all int64, one row a document.

    `words` that are not all symbols, and of these `all_caps_words`, `number_words` and, lower-cased,
    `distinct_words`; `nonletter_words` of all; `entropy_micronats` (NULL without a word) over `million`;
    `ngrams` of words and those of them that are `repeated_ngrams`; `unmarked_chars` of the text.
    """
    words = batch.words
    tables = unicode_tables()
    hashes = np.empty(len(words.start), np.uint64)
    counts = np.empty((batch.n, len(COLUMNS)), np.int64)
    lower_words(
        batch.code_points,
        batch.classes,
        words.start,
        words.end,
        words.flags,
        words.offsets,
        tables.kind,
        tables.lower,
        letter_case(),
        hashes,
        counts,
    )
    count_repetition(hashes, words.offsets, int(params["ngram_size"]), product_table(), counts)
    unmarked = np.empty(batch.n, np.int64)
    count_unmarked(batch.classes, batch.offsets, tables.kind, unmarked)
    columns = {}
    for at, name in enumerate(COLUMNS):
        column = np.ascontiguousarray(counts[:, at])
        columns[name] = pa.array(column, mask=column < 0)
    columns["million"] = pa.array(np.full(batch.n, MICRO, np.int64))
    columns["unmarked_chars"] = pa.array(unmarked)
    return pa.RecordBatch.from_pydict(columns)


VOCABULARY = SignalFamily(
    name="vocabulary", version=1, measure=measure, rules=RULES, defaults={"ngram_size": 5}
)
