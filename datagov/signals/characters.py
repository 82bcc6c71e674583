"""Family characters@1: how long a document is and what kinds of characters it is made of."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.signals.letter_case import UPPER, letter_case
from datagov.text.kernel import kernel
from datagov.text.tables import kind_index, script_index, unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["CHARACTERS", "measure"]

BY_KIND = {
    "nonspace_chars": ("other", "letter", "mark", "number", "punctuation", "symbol", "control", "format"),
    "unmarked_chars": ("letter", "mark", "number", "space"),
    "numbers": ("number",),
    "punctuation": ("punctuation",),
    "special_chars": ("punctuation", "symbol", "number", "space"),
}
"""Columns that count characters by kind."""

COLUMNS = (*BY_KIND, "han_letters", "uppercase_letters", "hash_runs", "ellipsis_runs", "bracketed_chars")

FIELD_BITS = 10
BLOCK = np.uint64((1 << FIELD_BITS) - 1)

HASH = np.uint32(0x23)
FULL_STOP = np.uint32(0x2E)
ELLIPSIS = np.uint32(0x2026)
OPENING = np.uint32(0x3010)
CLOSING = np.uint32(0x3011)
LINE_FEED = np.uint32(0x0A)
NEITHER = np.uint32(0)
ONE = np.uint64(1)


@cache
def class_weights() -> npt.NDArray[np.uint64]:
    """Return uint64[256]: for each class, 1 in the field of every column that counts it.

    Field i, of FIELD_BITS bits, is that of column i; the last is Han letters.
    """
    tables = unicode_tables()
    weights = np.zeros(256, np.uint64)
    for at, kinds in enumerate(BY_KIND.values()):
        counted = np.isin(tables.kind, [kind_index(kind) for kind in kinds])
        weights |= counted.astype(np.uint64) << np.uint64(FIELD_BITS * at)
    han = (tables.script == script_index("han")) & (tables.kind == kind_index("letter"))
    weights |= han.astype(np.uint64) << np.uint64(FIELD_BITS * len(BY_KIND))
    weights.flags.writeable = False
    return weights


@kernel
def count_kinds(
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    weights: npt.NDArray[np.uint64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill the first six columns of `counts` int64[N, 10]: six counters in one 64-bit sum.

    A field holds 1023; blocks of that many characters are added up and their fields taken apart.
    """
    for d in range(offsets.size - 1):
        counts[d, :6] = 0
        first, stop = np.uint64(offsets[d]), np.uint64(offsets[d + 1])
        while first < stop:
            end = min(first + BLOCK, stop)
            packed = np.uint64(0)
            for at in range(first, end):
                packed += weights[classes[at]]
            for field in range(6):
                counts[d, field] += np.int64((packed >> np.uint64(FIELD_BITS * field)) & BLOCK)
            first = end


@kernel
def count_marks(
    code_points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    case: npt.NDArray[np.uint8],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill the last four columns of `counts` int64[N, 10]: capitals, runs of `#`, ellipses, brackets.

    `case` uint8[L] as `letter_case`. A run is counted at its second full stop, or at its first other
    character.
    """
    last_cased = np.uint32(case.size - 1)
    for d in range(offsets.size - 1):
        text = code_points[offsets[d] : offsets[d + 1]]
        upper = np.int64(0)
        hashes = np.int64(0)
        ellipses = np.int64(0)
        openings = np.int64(0)
        previous = NEITHER
        before = NEITHER
        for at in range(np.uint64(text.size)):
            c = text[at]
            upper += case[min(c, last_cased)] == UPPER
            hashes += (c == HASH) & (previous != HASH)
            ellipses += (c == ELLIPSIS) & (previous != ELLIPSIS)
            ellipses += (c == FULL_STOP) & (previous == FULL_STOP) & (before != FULL_STOP)
            openings += c == OPENING
            before = previous
            previous = c
        bracketed = np.int64(0)
        if openings > 0:
            opened = -1
            for at in range(text.size):
                if text[at] == OPENING and opened < 0:
                    opened = at
                elif text[at] == LINE_FEED:
                    opened = -1
                elif text[at] == CLOSING and opened >= 0:
                    bracketed += at - opened - 1
                    opened = -1
        counts[d, 6] = upper
        counts[d, 7] = hashes
        counts[d, 8] = ellipses
        counts[d, 9] = bracketed


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:  # noqa: ARG001
    """Return the columns of characters@1 for `batch`, all int64 and never NULL, one row a document.

    `chars`; characters by kind (`BY_KIND`); `han_letters`, `uppercase_letters`; `hash_runs`,
    `ellipsis_runs`, and `bracketed_chars` between U+3010 and U+3011.
    """
    counts = np.empty((batch.n, len(COLUMNS)), np.int64)
    count_kinds(batch.classes, batch.offsets, class_weights(), counts)
    count_marks(batch.code_points, batch.offsets, letter_case(), counts)
    columns = {"chars": pa.array(batch.chars, pa.int64())}
    columns |= {name: pa.array(np.ascontiguousarray(counts[:, at])) for at, name in enumerate(COLUMNS)}
    return pa.RecordBatch.from_pydict(columns)


MAP_CC = "MAP-CC (Du et al. 2024, arXiv 2404.04167), released filter/filter.py"
AS_IT_IS = (
    "The script counts in NFKC text after mapping full-width marks to ASCII; here the text is taken as it is "
    "and both forms count. `normalise: {form: NFKC}` before the filter follows the script. "
)


def count_rule(
    name: str, numerator: str, unit: str, formula: str, source: str, differs: str = ""
) -> RuleInfo:
    """Return a rule whose value is a count."""
    return RuleInfo(name, numerator, None, unit, formula, (0.0, None), "never", source, differs)


def share(name: str, numerator: str, formula: str, source: str, differs: str = "") -> RuleInfo:
    """Return a rule that divides by all characters of the text."""
    return RuleInfo(
        name,
        numerator,
        "chars",
        "characters over characters",
        formula,
        (0.0, 1.0),
        "empty text",
        source,
        differs,
    )


CHARACTERS = SignalFamily(
    name="characters",
    version=1,
    measure=measure,
    rules=(
        count_rule(
            "char_count",
            "chars",
            "characters",
            "Code points of the text, white space included.",
            MAP_CC,
            AS_IT_IS,
        ),
        count_rule(
            "nonspace_char_count",
            "nonspace_chars",
            "characters",
            "Code points of the text that are not white space.",
            "MAP-NEO (Zhang et al. 2024, arXiv 2405.19327), english_data_clean_pipeline, ccnet_rules_pass, rule 2",
            "The script leaves out only the space, tab and newline.",
        ),
        count_rule(
            "punctuation_count",
            "punctuation",
            "characters",
            "Code points of general category P.",
            f"{MAP_CC}, self_defined_rules, rule 10",
            f"{AS_IT_IS}The script counts ASCII punctuation and symbols and `…`, with 。！ and curly quotes as "
            "ASCII; the enumeration comma and Chinese brackets are left out there and count here.",
        ),
        RuleInfo(
            name="digit_char_fraction",
            numerator="numbers",
            denominator="unmarked_chars",
            unit="characters over characters",
            formula=(
                "Code points of general category N over those that are letters, marks, numbers or white space."
            ),
            value_range=(0.0, 1.0),
            null_when="no letter, mark, number or white space",
            source=f"{MAP_CC}, self_defined_rules, rule 7",
            differs=f"{AS_IT_IS}The script leaves marks out and counts the low line as no punctuation.",
        ),
        share(
            "special_char_fraction",
            "special_chars",
            "Punctuation, symbols, numbers and white space (general categories P, S, N and White_Space) over all "
            "code points of the text.",
            "ROOTS (Laurençon et al. 2022, arXiv 2303.03915), 01b_oscar_cleaning_and_filtering, "
            "compute_special_characters_ratio",
            "ROOTS has a list: ASCII punctuation, digits and white space, emoji, and some 200 other characters. It "
            "removes control characters and makes all white space one space first.",
        ),
        share(
            "han_char_fraction",
            "han_letters",
            "Letters of script Han over all code points of the text.",
            "EvalWeb (Chen et al. 2023, arXiv 2311.01149), ChineseWebText preprocess.py",
            "EvalWeb counts U+4E00 to U+9FA5 only. `han_letter_fraction` divides by letters instead.",
        ),
        share(
            "uppercase_char_fraction",
            "uppercase_letters",
            "Letters with a simple lower-case mapping over all code points of the text.",
            "RedPajama-V2, github.com/togethercomputer/RedPajama-Data, rps_lines_uppercase_letter_fraction",
            "RedPajama-V2 gives it for every line; here it is one number a document.",
        ),
        share(
            "hash_run_fraction",
            "hash_runs",
            "Runs of number signs (U+0023) over all code points of the text.",
            f"{MAP_CC}, self_defined_rules, rule 4",
            "Runs over characters, as the script has it; `hash_per_word` is Gopher's.",
        ),
        share(
            "ellipsis_run_fraction",
            "ellipsis_runs",
            "Runs of `…`, and runs of two or more full stops (U+002E), over all code points of the text.",
            f"{MAP_CC}, self_defined_rules, rule 5",
            "The script maps 。 to the full stop first, so that 。。 is an ellipsis there. `ellipsis_per_word` is "
            "Gopher's.",
        ),
        share(
            "bracketed_char_fraction",
            "bracketed_chars",
            "Code points between 【 and the next 】 of the same line, over all code points of the text.",
            f"{MAP_CC}, unify_format",
            AS_IT_IS,
        ),
    ),
)
