"""Family stop_words@1: how many of a language's commonest words a document uses."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.text.batch import TextBatch
from datagov.text.kernel import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["STOP_WORDS", "measure"]

ONE = np.uint64(1)


@lru_cache(maxsize=64)
def word_hashes(words: tuple[str, ...]) -> npt.NDArray[np.uint64]:
    """Return the sorted 64-bit hashes uint64[S] of the distinct `words`, as `TextBatch.words` has them."""
    distinct = sorted(set(words))
    texts = pa.array(distinct, pa.large_string())
    hashes = np.sort(TextBatch.from_words(texts, [[word] for word in distinct]).words.hash)
    hashes.flags.writeable = False
    return hashes


@kernel
def count_distinct(
    word_hash: npt.NDArray[np.uint64],
    offsets: npt.NDArray[np.int64],
    stop_hash: npt.NDArray[np.uint64],
    present: npt.NDArray[np.int64],
    total: npt.NDArray[np.int64],
) -> None:
    """Count stop words: distinct ones into `present` int64[N], all occurrences into `total` int64[N].

    `stop_hash` uint64[S] holds no value twice.
    """
    bits = 4
    while (1 << bits) < 8 * stop_hash.size:
        bits += 1
    mask = np.uint64((1 << bits) - 1)
    shift = np.uint64(64 - bits)
    none = np.uint32(stop_hash.size)
    slot_of = np.full(np.int64(mask + ONE), none)
    padded = np.append(stop_hash, np.uint64(0))
    for s in range(stop_hash.size):
        slot = stop_hash[s] >> shift
        while slot_of[slot] != none:
            slot = (slot + ONE) & mask
        slot_of[slot] = s
    met = np.zeros(stop_hash.size + 1, np.int64)  # occurrences in the document; the last entry is spare
    for d in range(offsets.size - 1):
        met[:] = 0
        for w in range(np.uint64(offsets[d]), np.uint64(offsets[d + 1])):
            slot = word_hash[w] >> shift
            s = slot_of[slot]
            while (s != none) & (padded[s] != word_hash[w]):
                slot = (slot + ONE) & mask
                s = slot_of[slot]
            met[s] += 1
        present[d] = np.sum(met[:-1] > 0)
        total[d] = np.sum(met[:-1])


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of stop_words@1 for `batch`, all int64 and never NULL, one row a document.

    `distinct_stop_words` and `stop_words` (occurrences) of `params["words"]`, over `words`.
    """
    words = batch.words
    present = np.empty(batch.n, np.int64)
    total = np.empty(batch.n, np.int64)
    count_distinct(words.hash, words.offsets, word_hashes(tuple(params["words"])), present, total)
    return pa.RecordBatch.from_pydict(
        {
            "distinct_stop_words": pa.array(present),
            "stop_words": pa.array(total),
            "words": pa.array(np.diff(words.offsets)),
        }
    )


SOURCE = (
    "Rae et al. 2021, arXiv 2112.11446, Quality Filtering; as in datatrove 0.10.1 gopher_quality_filter.py"
)

STOP_WORDS = SignalFamily(
    name="stop_words",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="distinct_stop_word_count",
            numerator="distinct_stop_words",
            denominator=None,
            unit="words",
            formula="How many of the listed words occur as a word of the text; case-sensitive.",
            value_range=(0.0, None),
            null_when="never",
            source=SOURCE,
            differs=(
                "Words come from UAX #29 or jieba-rs instead of spaCy or jieba and are compared by a "
                "64-bit hash. DCLM counts every occurrence, see `stop_word_count`."
            ),
        ),
        RuleInfo(
            name="stop_word_count",
            numerator="stop_words",
            denominator=None,
            unit="words",
            formula="Occurrences of the listed words among the words of the text; case-sensitive.",
            value_range=(0.0, None),
            null_when="never",
            source="RefinedWeb as reproduced by DCLM, github.com/mlfoundations/dclm, stop_word_filter",
            differs="DCLM splits at white space, strips punctuation and lower-cases.",
        ),
        RuleInfo(
            name="stop_word_fraction",
            numerator="stop_words",
            denominator="words",
            unit="words over words",
            formula="Occurrences of the listed words over all words, punctuation included; case-sensitive.",
            value_range=(0.0, 1.0),
            null_when="no word",
            source="RedPajama-V2, rps_doc_stop_word_fraction",
            differs="RedPajama-V2 lower-cases the text and leaves punctuation out.",
        ),
    ),
    required=("words",),
)
