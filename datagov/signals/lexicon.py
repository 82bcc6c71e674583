"""Family lexicon@1: how much of a document is in a list of words that the recipe names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.text.hashing import finish, hash_text, step
from datagov.text.kernel import kernel
from datagov.text.segments import ALL_SYMBOL
from datagov.text.tables import unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["LEXICON", "measure"]

COLUMNS = ("words", "listed_words", "distinct_terms", "pieces")

BUCKETS = 1 << 16
ONE = np.uint64(1)


@lru_cache(maxsize=16)
def packed_terms(
    terms: tuple[str, ...],
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the different terms in lower case: their characters, where each begins, and an index of firsts.

    Terms are sorted by the lower 16 bits of their first character; those of bucket b are rows
    `first[b]:first[b + 1]` of the offsets int64[T+1].
    """
    lowered = sorted({_lower(term) for term in terms}, key=lambda term: (ord(term[0]) % BUCKETS, term))
    points = np.array([ord(character) for character in "".join(lowered)], np.uint32)
    offsets = np.cumsum([0, *map(len, lowered)]).astype(np.int64)
    buckets = np.array([ord(term[0]) % BUCKETS for term in lowered], np.int64)
    first = np.searchsorted(buckets, np.arange(BUCKETS + 1)).astype(np.int64)
    return points, offsets, first


@lru_cache(maxsize=16)
def term_hashes(terms: tuple[str, ...]) -> npt.NDArray[np.uint64]:
    """Return the sorted hashes uint64[T] of the different terms in lower case."""
    return np.unique(np.array([hash_text(_lower(term)) for term in terms], np.uint64))


def _lower(term: str) -> str:
    """Map characters one to one, as the text is mapped."""
    lower = unicode_tables().lower
    return "".join(chr(lower[ord(c)]) if ord(c) < lower.size else c for c in term)


@kernel
def count_listed(
    points: npt.NDArray[np.uint32],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    lower: npt.NDArray[np.uint32],
    hashes: npt.NDArray[np.uint64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill the first two columns of `counts` int64[N, 4]: words, and those whose hash is listed."""
    for d in range(offsets.size - 1):
        words = np.int64(0)
        listed = np.int64(0)
        for w in range(offsets[d], offsets[d + 1]):
            if flags[w] & ALL_SYMBOL != 0:
                continue
            state = np.uint64(0)
            for at in range(np.uint64(start[w]), np.uint64(end[w])):
                c = points[at]
                state = step(state, lower[c] if c < lower.size else c)
            key = finish(state)
            place = np.searchsorted(hashes, key)
            words += 1
            listed += place < hashes.size and hashes[place] == key
        counts[d, 0] = words
        counts[d, 1] = listed


@kernel
def count_found(
    points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    lower: npt.NDArray[np.uint32],
    terms: npt.NDArray[np.uint32],
    term_offsets: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill the third column of `counts` int64[N, 4]: different terms that stand anywhere in the text."""
    found_in = np.full(term_offsets.size, np.int64(-1))
    for d in range(offsets.size - 1):
        found = np.int64(0)
        stop = offsets[d + 1]
        for at in range(offsets[d], stop):
            c = points[at]
            c = lower[c] if c < lower.size else c
            bucket = c & np.uint32(BUCKETS - 1)
            for term in range(first[bucket], first[bucket + 1]):
                begin, size = term_offsets[term], term_offsets[term + 1] - term_offsets[term]
                if found_in[term] == d or at + size > stop:
                    continue
                k = 0
                while k < size:
                    c = points[at + k]
                    if (lower[c] if c < lower.size else c) != terms[begin + k]:
                        break
                    k += 1
                if k == size:
                    found_in[term] = d
                    found += 1
        counts[d, 2] = found


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of lexicon@1 for `batch`, all int64 and never NULL, one row a document.

    `words` besides punctuation and symbols, and the `listed_words` of them; `distinct_terms` that stand
    anywhere in the text; `pieces` between newlines, blank ones too, 0 for empty text.
    """
    terms: Sequence[str] = tuple(params["words"])
    words, lower = batch.words, unicode_tables().lower
    counts = np.zeros((batch.n, len(COLUMNS)), np.int64)
    count_listed(
        batch.code_points,
        words.start,
        words.end,
        words.flags,
        words.offsets,
        lower,
        term_hashes(terms),
        counts,
    )
    count_found(batch.code_points, batch.offsets, lower, *packed_terms(terms), counts)
    counts[:, 3] = np.where(batch.chars > 0, np.diff(batch.lines.offsets), 0)
    return pa.RecordBatch.from_pydict(
        {name: pa.array(np.ascontiguousarray(counts[:, at])) for at, name in enumerate(COLUMNS)}
    )


NO_LIST = (
    "No list is shipped: `word_lists` of a filter names a file, whose entries become part of the recipe. "
)

LEXICON = SignalFamily(
    name="lexicon",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="listed_word_count",
            numerator="listed_words",
            denominator=None,
            unit="words",
            formula="Words of the text, in lower case, that are an entry of the list.",
            value_range=(0.0, None),
            null_when="never",
            source="RedPajama-V2, github.com/togethercomputer/RedPajama-Data, rps_doc_ldnoobw_words",
            differs=NO_LIST
            + "RedPajama-V2 deletes ASCII punctuation first, and finds entries of several words too.",
        ),
        RuleInfo(
            name="listed_word_fraction",
            numerator="listed_words",
            denominator="words",
            unit="words over words",
            formula=(
                "Words of the text, in lower case, that are an entry of the list, over all words, those of "
                "punctuation and symbols not counted on either side."
            ),
            value_range=(0.0, 1.0),
            null_when="no word besides punctuation and symbols",
            source=(
                "ROOTS (Laurençon et al. 2022, arXiv 2303.03915), 01b_oscar_cleaning_and_filtering, "
                "compute_flagged_words_ratio"
            ),
            differs=NO_LIST
            + "For Chinese, ROOTS looks up each two neighbouring words joined as well; its words are "
            "SentencePiece's pieces there.",
        ),
        RuleInfo(
            name="distinct_terms_per_line",
            numerator="distinct_terms",
            denominator="pieces",
            unit="terms per line",
            formula=(
                "Different entries of the list that stand anywhere in the text, inside words too, ASCII and other "
                "letters in either case, over the pieces between newlines, blank ones too."
            ),
            value_range=(0.0, None),
            null_when="empty text",
            source="EvalWeb (Chen et al. 2023, arXiv 2311.01149), ChineseWebText preprocess.py",
            differs=NO_LIST + "EvalWeb tells upper and lower case apart.",
        ),
    ),
    required=("words",),
)
