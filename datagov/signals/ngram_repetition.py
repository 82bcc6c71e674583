"""Family ngram_repetition@1: how much of a document its repeated word n-grams make up.

An n-gram can only repeat where the (n-1)-grams at its first and second word both repeat. So the
kernel counts single words once, then for n = 2 .. 10 looks only at the positions that survived the
level below: all levels together cost little more than the first on ordinary text, and O(words) each
on any text. Every n-gram is named by the position of its first occurrence, so that the key of an
n-gram (the (n-1)-gram it starts with, its last word) is 64 bits and exact; only the words themselves
are compared by hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.text.kernel import inline_kernel, kernel

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["DUPLICATE_SIZES", "NGRAM_REPETITION", "TOP_SIZES", "measure"]

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)

GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)
ONE = np.uint64(1)
FOUR = np.uint64(4)
HALF = np.uint64(32)


@inline_kernel
def table_size(items: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return the mask and hash shift of a table at most a quarter full, so that few probes miss."""
    bits = 2
    while np.uint64(1 << bits) < FOUR * items:
        bits += 1
    return np.uint64((1 << bits) - 1), np.uint64(64 - bits)


@inline_kernel
def put(
    holder: npt.NDArray[np.uint32],
    keys: npt.NDArray[np.uint64],
    count: npt.NDArray[np.uint32],
    key: np.uint64,
    position: np.uint32,
    none: np.uint32,
    mask: np.uint64,
    shift: np.uint64,
) -> np.uint32:
    """Count `key` met at `position`; return the position where it was met first.

    The only branch is on a probe that meets another key: whether a word is new cannot be predicted.
    So `keys` is read for a free slot too, at the spare entry `none`.
    """
    slot = (key * GOLDEN_RATIO) >> shift
    held = holder[slot]
    while (held != none) & (keys[held] != key):
        slot = (slot + ONE) & mask
        held = holder[slot]
    new = held == none
    first = position if new else held
    holder[slot] = first
    keys[first] = key
    count[first] = np.uint32(1) if new else np.uint32(count[first] + ONE)
    return first


@kernel
def count_repetition(
    word_hash: npt.NDArray[np.uint64],
    word_start: npt.NDArray[np.int32],
    word_end: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    top: npt.NDArray[np.int64],
    duplicate: npt.NDArray[np.int64],
) -> None:
    """Fill `top` int64[N, 3] (n = 2..4) and `duplicate` int64[N, 6] (n = 5..10).

    -1 stands where the document has fewer than n words. Inputs: `word_hash` uint64[W], `word_start`
    and `word_end` int32[W] (code points), `offsets` int64[N+1]. Positions are unsigned, because an
    index that could be negative costs numba a test.
    """
    documents = offsets.size - 1
    longest = 1
    for d in range(documents):
        longest = max(longest, offsets[d + 1] - offsets[d])
    capacity = 4
    while capacity < 4 * longest:
        capacity *= 2
    holder = np.empty(capacity, np.uint32)  # hash table: the position where a key occurs first, or none
    keys = np.zeros(longest + 1, np.uint64)  # kept at the position of the first occurrence
    count = np.empty(longest, np.uint32)  # occurrences, kept there too
    word = np.empty(longest, np.uint32)  # first occurrence of the word at a position
    gram = np.empty(longest + 1, np.uint32)  # first occurrence of the n-gram there; none if it has no other
    active = np.empty(longest, np.uint32)  # positions of which gram is not none, ascending
    chars_before = np.empty(longest + 1, np.int64)  # characters of the words before a position

    for d in range(documents):
        base = np.uint64(offsets[d])
        words = np.uint64(offsets[d + 1]) - base
        none = np.uint32(words)  # one past the last position
        top[d, :] = -1
        duplicate[d, :] = -1
        total = np.int64(0)
        for i in range(words):
            chars_before[i] = total
            total += word_end[base + i] - word_start[base + i]
        chars_before[words] = total

        mask, shift = table_size(words)
        holder[: np.int64(mask + ONE)] = none
        for i in range(words):
            word[i] = put(holder, keys, count, word_hash[base + i], np.uint32(i), none, mask, shift)
        actives = np.uint64(0)
        for i in range(words):
            repeated = count[word[i]] > 1
            gram[i] = word[i] if repeated else none
            active[actives] = i
            actives += np.uint64(repeated)
        gram[words] = none

        for size in range(2, 11):
            n = np.uint64(size)
            if words < n:
                break
            candidates = np.uint64(0)
            for a in range(actives):
                at = np.uint64(active[a])
                possible = (at + n <= words) & (gram[at + ONE] != none)
                gram[at] = gram[at] if possible else none
                active[candidates] = at
                candidates += np.uint64(possible)
            mask, shift = table_size(candidates)
            holder[: np.int64(mask + ONE)] = none
            for a in range(candidates):
                at = np.uint64(active[a])
                key = (np.uint64(gram[at]) << HALF) | np.uint64(word[at + n - ONE])
                gram[at] = put(holder, keys, count, key, np.uint32(at), none, mask, shift)

            actives = np.uint64(0)
            most = np.uint32(1)
            most_at = np.uint64(0)  # without a repeated n-gram the first one is the most frequent
            for a in range(candidates):
                at = np.uint64(active[a])
                first = gram[at]
                repeated = count[first] > 1
                if count[first] > most:
                    most = count[first]
                    most_at = np.uint64(first)
                gram[at] = first if repeated else none
                active[actives] = at
                actives += np.uint64(repeated)
            if size <= 4:
                chars = chars_before[most_at + n] - chars_before[most_at] + size - 1
                top[d, size - 2] = np.int64(most) * chars
            else:
                chars = np.int64(0)
                free_from = np.uint64(0)
                for a in range(actives):
                    at = np.uint64(active[a])
                    if at < free_from:
                        continue
                    first = gram[at]
                    if count[first] == 0:
                        chars += chars_before[at + n] - chars_before[at]
                        free_from = at + n
                    else:
                        count[first] = 0  # met on the walk; its count is no longer needed
                duplicate[d, size - 5] = chars


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:  # noqa: ARG001
    """Return the columns of ngram_repetition@1 for `batch`, all int64, one row a document.

    `top_{n}gram_chars` and `duplicate_{n}gram_chars` are NULL where the document has fewer than n
    words; `chars` is the number of code points of the text and never NULL.
    """
    words = batch.words
    top = np.empty((batch.n, len(TOP_SIZES)), np.int64)
    duplicate = np.empty((batch.n, len(DUPLICATE_SIZES)), np.int64)
    count_repetition(words.hash, words.start, words.end, words.offsets, top, duplicate)
    columns = {"chars": pa.array(batch.chars, pa.int64())}
    for sizes, prefix, counts in ((TOP_SIZES, "top", top), (DUPLICATE_SIZES, "duplicate", duplicate)):
        for at, n in enumerate(sizes):
            column = np.ascontiguousarray(counts[:, at])
            columns[f"{prefix}_{n}gram_chars"] = pa.array(column, mask=column < 0)
    return pa.RecordBatch.from_pydict(columns)


def top_rule(n: int) -> RuleInfo:
    """Return the rule on the most frequent n-gram."""
    return RuleInfo(
        name=f"top_{n}gram_chars_fraction",
        numerator=f"top_{n}gram_chars",
        denominator="chars",
        unit="characters of n-grams over characters of the text",
        formula=(
            f"Occurrences (overlapping ones too) of the most frequent {n}-gram of words, times its characters "
            f"and {n - 1} separators, over all code points of the text, spaces included. Words are "
            f"case-sensitive and include punctuation. Of equally frequent {n}-grams the one that occurs "
            "first counts; where none is repeated, that is the first of the document, once."
        ),
        value_range=(0.0, None),
        null_when=f"fewer than {n} words",
        source=(
            "Rae et al. 2021, arXiv 2112.11446, Table A1; as in datatrove 0.10.1 gopher_repetition_filter.py"
        ),
        differs=(
            "datatrove counts the separators too, as if words were written with one space between them; in "
            "scripts without spaces this passes 1 for short words, and FineWeb2's bounds include it. Words "
            "come from UAX #29 or jieba-rs instead of spaCy or jieba, and are compared by a 64-bit hash. "
            "RedPajama-V2 lower-cases and drops punctuation; CT-LLM leaves the first occurrence out."
        ),
    )


def duplicate_rule(n: int) -> RuleInfo:
    """Return the rule on repeated n-grams."""
    return RuleInfo(
        name=f"duplicate_{n}gram_chars_fraction",
        numerator=f"duplicate_{n}gram_chars",
        denominator="chars",
        unit="characters of words over characters of the text",
        formula=(
            f"Walk from the first word: where the {n}-gram of words starting here was met earlier on the walk, "
            f"count the characters of its words and go on {n} words later; otherwise go on one word later. "
            "Over all code points of the text, spaces included. The first copy does not count and no "
            "character counts twice."
        ),
        value_range=(0.0, 1.0),
        null_when=f"fewer than {n} words",
        source=(
            "Rae et al. 2021, arXiv 2112.11446, Table A1; as in datatrove 0.10.1 gopher_repetition_filter.py"
        ),
        differs=(
            f"NULL instead of 0 for fewer than {n} words. Two {n}-grams are equal when their words are, by "
            "64-bit hashes; datatrove joins the words without a separator, so that different words of the "
            "same joined characters are equal there. Words come from UAX #29 or jieba-rs instead of "
            "spaCy or jieba. RedPajama-V2 counts every copy, the first too, on lower-cased text."
        ),
    )


NGRAM_REPETITION = SignalFamily(
    name="ngram_repetition",
    version=1,
    measure=measure,
    rules=(*map(top_rule, TOP_SIZES), *map(duplicate_rule, DUPLICATE_SIZES)),
)
