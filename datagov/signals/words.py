"""Family words@1: how many words there are, how long they are, and what they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.text.kernel import kernel
from datagov.text.segments import ALL_SYMBOL, HAS_LETTER

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["WORDS", "measure"]

COLUMNS = ("words", "non_symbol_words", "non_symbol_word_chars", "words_with_letter", "hashes", "ellipses")

HASH = np.uint32(0x23)
FULL_STOP = np.uint32(0x2E)
ELLIPSIS = np.uint32(0x2026)

ONE = np.uint64(1)
TWO = np.uint64(2)


@kernel
def count_words(
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill the first four columns of `counts` int64[N, 6] from the words' spans and flags."""
    for d in range(offsets.size - 1):
        non_symbol = np.int64(0)
        chars = np.int64(0)
        with_letter = np.int64(0)
        for w in range(np.uint64(offsets[d]), np.uint64(offsets[d + 1])):
            plain = flags[w] & ALL_SYMBOL == 0
            non_symbol += plain
            chars += (end[w] - start[w]) * plain
            with_letter += flags[w] & HAS_LETTER != 0
        counts[d, 0] = offsets[d + 1] - offsets[d]
        counts[d, 1] = non_symbol
        counts[d, 2] = chars
        counts[d, 3] = with_letter


@kernel
def count_symbols(
    code_points: npt.NDArray[np.uint32], offsets: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> None:
    """Fill the last two columns of `counts` int64[N, 6]: number signs and ellipses.

    An ellipsis is U+2026, or three full stops in a row read from the left without overlap. The loops
    without a branch become vector instructions; the last one runs for texts that have such a row.
    """
    for d in range(offsets.size - 1):
        text = code_points[offsets[d] : offsets[d + 1]]
        hashes = np.int64(0)
        ellipses = np.int64(0)
        length = np.uint64(text.size)
        for at in range(length):
            hashes += text[at] == HASH
            ellipses += text[at] == ELLIPSIS
        triples = np.int64(0)
        for at in range(TWO, length):
            triples += (text[at] == FULL_STOP) & (text[at - ONE] == FULL_STOP) & (text[at - TWO] == FULL_STOP)
        stops = 0
        if triples > 0:
            for c in text:
                stops = stops + 1 if c == FULL_STOP else 0
                if stops == 3:
                    ellipses += 1
                    stops = 0
        counts[d, 4] = hashes
        counts[d, 5] = ellipses


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:  # noqa: ARG001
    """Return the columns of words@1 for `batch`, all int64 and never NULL, one row a document.

    `words`; `non_symbol_words` and their characters; `words_with_letter`; `hashes` (U+0023) and
    `ellipses` of the text.
    """
    words = batch.words
    counts = np.empty((batch.n, len(COLUMNS)), np.int64)
    count_words(words.start, words.end, words.flags, words.offsets, counts)
    count_symbols(batch.code_points, batch.offsets, counts)
    return pa.RecordBatch.from_pydict(
        {name: pa.array(np.ascontiguousarray(counts[:, at])) for at, name in enumerate(COLUMNS)}
    )


GOPHER = (
    "Rae et al. 2021, arXiv 2112.11446, Quality Filtering; as in datatrove 0.10.1 gopher_quality_filter.py"
)
WORDS_DIFFER = (
    "Words come from UAX #29 (jieba-rs where there is a Han character) instead of spaCy (jieba for Chinese): every "
    "punctuation mark is a word of its own, so that `...` is three, `don't` is one word instead of two, and "
    "jieba-rs leaves Latin runs such as `console.log` whole. "
)
SYMBOLS_DIFFER = (
    "A symbol is any character of general category P or S; datatrove lists 281 characters, which leave out "
    "most symbols (©, emoji) and hold the controls and the full-width digit one. "
)

WORDS = SignalFamily(
    name="words",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="word_count",
            numerator="non_symbol_words",
            denominator=None,
            unit="words",
            formula="Words that hold at least one character other than punctuation and symbols.",
            value_range=(0.0, None),
            null_when="never",
            source=GOPHER,
            differs=WORDS_DIFFER + SYMBOLS_DIFFER,
        ),
        RuleInfo(
            name="mean_word_length",
            numerator="non_symbol_word_chars",
            denominator="non_symbol_words",
            unit="characters per word",
            formula=(
                "Code points of the words that `word_count` counts, over their number. Chinese words of "
                "jieba-rs have about two characters, English ones about five."
            ),
            value_range=(1.0, None),
            null_when="no word besides punctuation and symbols",
            source=GOPHER,
            differs=WORDS_DIFFER + SYMBOLS_DIFFER + "Dolma takes the median.",
        ),
        RuleInfo(
            name="hash_per_word",
            numerator="hashes",
            denominator="words",
            unit="characters per word",
            formula="Number signs (U+0023) of the text over all words, punctuation included.",
            value_range=(0.0, None),
            null_when="no word",
            source=GOPHER,
            differs=WORDS_DIFFER,
        ),
        RuleInfo(
            name="ellipsis_per_word",
            numerator="ellipses",
            denominator="words",
            unit="ellipses per word",
            formula=(
                "Ellipses of the text (`…`, and each three full stops in a row read from the left) over all "
                "words, punctuation included."
            ),
            value_range=(0.0, None),
            null_when="no word",
            source=GOPHER,
            differs=WORDS_DIFFER,
        ),
        RuleInfo(
            name="words_with_letter_fraction",
            numerator="words_with_letter",
            denominator="words",
            unit="words over words",
            formula=(
                "Words with at least one letter (general category L) over all words, punctuation included."
            ),
            value_range=(0.0, 1.0),
            null_when="no word",
            source=GOPHER,
            differs=WORDS_DIFFER,
        ),
    ),
)
