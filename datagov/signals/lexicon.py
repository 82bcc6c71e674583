"""Family lexicon@1: how much of a document is in a list of words that the recipe names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.text.folding import fold_table
from datagov.text.hashing import finish, hash_text, step
from datagov.text.kernel import kernel
from datagov.text.segments import ALL_SYMBOL
from datagov.text.tables import unicode_tables
from datagov.text.term_presence import count_present
from datagov.text.term_trie import TermTrie, build_trie

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["LEXICON", "measure"]

COLUMNS = ("words", "listed_words", "distinct_terms", "pieces")


@lru_cache(maxsize=16)
def trie_of(terms: tuple[str, ...]) -> TermTrie:
    """Return the terms, ready to be found in either case."""
    return build_trie([(term, at) for at, term in enumerate(terms)], fold_table(("case",)), longest=None)


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
    counts[:, 2] = count_present(batch, trie_of(terms))
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
