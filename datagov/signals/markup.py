"""Family markup@1: what betrays a template or source code instead of prose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.text.kernel import kernel

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["MARKUP", "measure"]

COLUMNS = ("chars", "opening_braces", "braces", "lorem_ipsums")

OPENING = np.uint32(ord("{"))
CLOSING = np.uint32(ord("}"))
TO_LOWER = np.uint32(0x20)
SPACE = np.uint32(0x20)
LETTER_M, LETTER_I, LETTER_P = (np.uint32(ord(letter)) for letter in "mip")
LOREM_IPSUM = np.array([ord(letter) for letter in "lorem ipsum"], np.uint32)
ONE, TWO, THREE = np.uint64(1), np.uint64(2), np.uint64(3)


@kernel
def count_markup(
    code_points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    phrase: npt.NDArray[np.uint32],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill the last three columns of `counts` int64[N, 4]; `phrase` uint32[11] is in lower case.

    The loops without a branch become vector instructions; the last one runs for texts that hold
    `m ip` in any case.
    """
    for d in range(offsets.size - 1):
        text = code_points[offsets[d] : offsets[d + 1]]
        length = np.uint64(text.size)
        opening = np.int64(0)
        closing = np.int64(0)
        for at in range(length):
            opening += text[at] == OPENING
            closing += text[at] == CLOSING
        hints = np.int64(0)
        if text.size >= phrase.size:
            for at in range(length - THREE):
                hints += (
                    (text[at] | TO_LOWER == LETTER_M)
                    & (text[at + ONE] == SPACE)
                    & (text[at + TWO] | TO_LOWER == LETTER_I)
                    & (text[at + THREE] | TO_LOWER == LETTER_P)
                )
        found = np.int64(0)
        if hints > 0:
            for at in range(text.size - phrase.size + 1):
                same = True
                for i in range(phrase.size):
                    c = text[at + i]
                    if c - np.uint32(0x41) < np.uint32(26):
                        c |= TO_LOWER
                    if c != phrase[i]:
                        same = False
                        break
                found += same
        counts[d, 1] = opening
        counts[d, 2] = opening + closing
        counts[d, 3] = found


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:  # noqa: ARG001
    """Return the columns of markup@1 for `batch`, all int64 and never NULL, one row a document.

    `chars` of the text; `opening_braces` (U+007B), all `braces` (U+007B, U+007D); `lorem_ipsums`.
    """
    counts = np.empty((batch.n, len(COLUMNS)), np.int64)
    counts[:, 0] = batch.chars
    count_markup(batch.code_points, batch.offsets, LOREM_IPSUM, counts)
    return pa.RecordBatch.from_pydict(
        {name: pa.array(np.ascontiguousarray(counts[:, at])) for at, name in enumerate(COLUMNS)}
    )


C4 = "Raffel et al. 2020, arXiv 1910.10683 (C4); as in datatrove c4_filters.py"

MARKUP = SignalFamily(
    name="markup",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="opening_brace_count",
            numerator="opening_braces",
            denominator=None,
            unit="characters",
            formula="Opening curly brackets (U+007B) of the text.",
            value_range=(0.0, None),
            null_when="never",
            source=C4,
            differs=(
                "datatrove looks only at lines that its line rules have kept up to there; here the whole text "
                "counts, so that a bracket in a line that is removed later counts too."
            ),
        ),
        RuleInfo(
            name="curly_brace_fraction",
            numerator="braces",
            denominator="chars",
            unit="characters over characters",
            formula="Curly brackets (U+007B and U+007D) over all code points of the text.",
            value_range=(0.0, 1.0),
            null_when="empty text",
            source="RedPajama-V2, github.com/togethercomputer/RedPajama-Data, rps_doc_curly_bracket; MAP-NEO",
        ),
        RuleInfo(
            name="lorem_ipsum_count",
            numerator="lorem_ipsums",
            denominator=None,
            unit="occurrences",
            formula="Occurrences of `lorem ipsum`, with one space between and ASCII letters in either case.",
            value_range=(0.0, None),
            null_when="never",
            source=C4,
            differs=(
                "RedPajama-V2 and MAP-NEO divide by the characters of the text; their limit of 3e-8 means "
                "none at all in any text of less than 33 million characters."
            ),
        ),
    ),
)
