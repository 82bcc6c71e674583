"""Family line_repetition@1: how much of a document its repeated lines and paragraphs make up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.text.kernel import inline_kernel, kernel
from datagov.text.tables import kind_index, unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["LINE_REPETITION", "measure"]

COLUMNS = (
    "lines",
    "duplicate_lines",
    "duplicate_line_chars",
    "paragraphs",
    "duplicate_paragraphs",
    "duplicate_paragraph_chars",
    "chars",
    "chars_without_newlines",
)

SPACE = kind_index("space")
ONE = np.uint64(1)
TWO = np.uint64(2)
THREE = np.uint64(3)
FOUR = np.uint64(4)

BASE = np.uint64(0x9E3779B97F4A7C15)
BASE_2 = np.uint64(0xDF442D22CE4859B9)
BASE_3 = np.uint64(0x604A5CE3ADDEF82D)
BASE_4 = np.uint64(0xD94363FC538227B1)


@inline_kernel
def mixed(value: np.uint64) -> np.uint64:
    """Spread the entropy of a 64-bit value over all of its bits (the finaliser of MurmurHash3)."""
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@inline_kernel
def span_hash(code_points: npt.NDArray[np.uint32], first: int, end: int) -> np.uint64:
    """Hash the code points from `first` to before `end`: a polynomial, four terms a step, then mixed."""
    at = np.uint64(first)
    stop = np.uint64(end)
    value = stop - at
    while at + FOUR <= stop:
        value = (
            value * BASE_4
            + np.uint64(code_points[at]) * BASE_3
            + np.uint64(code_points[at + ONE]) * BASE_2
            + np.uint64(code_points[at + TWO]) * BASE
            + np.uint64(code_points[at + THREE])
        )
        at += FOUR
    while at < stop:
        value = value * BASE + np.uint64(code_points[at])
        at += ONE
    return mixed(value)


@inline_kernel
def met_before(
    keys: npt.NDArray[np.uint64], used: npt.NDArray[np.uint8], mask: np.uint64, key: np.uint64
) -> bool:
    """Return whether the open-addressing table holds `key`; put it in if not."""
    slot = key & mask
    while used[slot] == 1:
        if keys[slot] == key:
            return True
        slot = (slot + ONE) & mask
    used[slot] = 1
    keys[slot] = key
    return False


@kernel
def count_duplicates(
    code_points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    kind: npt.NDArray[np.uint8],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill the first six columns of `counts` int64[N, 8] from the lines' spans.

    `start`, `end` int32[L], `offsets` int64[N+1]; `kind` uint8[256] gives the kind of a class.
    """
    longest = 1
    for d in range(offsets.size - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    capacity = 2
    while capacity < 2 * longest:
        capacity *= 2
    line_keys = np.empty(capacity, np.uint64)
    line_used = np.empty(capacity, np.uint8)
    paragraph_keys = np.empty(capacity, np.uint64)
    paragraph_used = np.empty(capacity, np.uint8)

    for d in range(offsets.size - 1):
        size = 2
        while size < 2 * (offsets[d + 1] - offsets[d]):
            size *= 2
        mask = np.uint64(size - 1)
        line_used[:size] = 0
        paragraph_used[:size] = 0
        lines = np.int64(0)
        duplicate_lines = np.int64(0)
        duplicate_line_chars = np.int64(0)
        paragraphs = np.int64(0)
        duplicate_paragraphs = np.int64(0)
        duplicate_paragraph_chars = np.int64(0)
        paragraph_start = np.int64(-1)  # -1 outside a paragraph
        paragraph_end = np.int64(0)
        paragraph = np.uint64(0)
        for line in range(offsets[d], offsets[d + 1] + 1):
            blank = True
            if line < offsets[d + 1]:
                at = start[line]
                while at < end[line] and kind[classes[at]] == SPACE:
                    at += 1
                blank = at == end[line]
            if blank:
                if paragraph_start >= 0:
                    paragraphs += 1
                    if met_before(paragraph_keys, paragraph_used, mask, mixed(paragraph)):
                        duplicate_paragraphs += 1
                        duplicate_paragraph_chars += paragraph_end - paragraph_start
                    paragraph_start = np.int64(-1)
                continue
            key = span_hash(code_points, start[line], end[line])
            lines += 1
            if met_before(line_keys, line_used, mask, key):
                duplicate_lines += 1
                duplicate_line_chars += end[line] - start[line]
            if paragraph_start < 0:
                paragraph_start = np.int64(start[line])
                paragraph = np.uint64(0)
            paragraph = paragraph * BASE + key
            paragraph_end = np.int64(end[line])
        counts[d, 0] = lines
        counts[d, 1] = duplicate_lines
        counts[d, 2] = duplicate_line_chars
        counts[d, 3] = paragraphs
        counts[d, 4] = duplicate_paragraphs
        counts[d, 5] = duplicate_paragraph_chars


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:  # noqa: ARG001
    """Return the columns of line_repetition@1 for `batch`, all int64 and never NULL, one row a document.

    `lines` (not blank) and `paragraphs`, those of them that equal an earlier one of the document, and
    the characters of these; `chars` of the text, and `chars_without_newlines`.
    """
    spans = batch.lines
    counts = np.empty((batch.n, len(COLUMNS)), np.int64)
    count_duplicates(
        batch.code_points,
        batch.classes,
        unicode_tables().kind,
        spans.start,
        spans.end,
        spans.offsets,
        counts,
    )
    counts[:, 6] = batch.chars
    counts[:, 7] = batch.chars - np.maximum(np.diff(spans.offsets) - 1, 0)
    return pa.RecordBatch.from_pydict(
        {name: pa.array(np.ascontiguousarray(counts[:, at])) for at, name in enumerate(COLUMNS)}
    )


GOPHER = "Rae et al. 2021, arXiv 2112.11446, Table A1; as in datatrove 0.10.1 gopher_repetition_filter.py"
FINEWEB = "Penedo et al. 2024, arXiv 2406.17557; as in datatrove 0.10.1 fineweb_quality_filter.py"
LINE = (
    "A line is a piece between newlines (U+000A) that is not blank; two are equal when all their code points "
    "are, white space included; the first copy does not count."
)
PARAGRAPH = (
    "A paragraph is a run of lines that are not blank; two are equal when all their lines are; the first copy "
    "does not count."
)
LINE_DIFFERS = (
    "datatrove takes lines of white space alone, and the empty pieces before a first and after a final newline, "
    "for lines too. Equality is by a 64-bit hash."
)
PARAGRAPH_DIFFERS = (
    "datatrove separates paragraphs at empty lines only, not at lines of white space (or of U+000D), and drops "
    "white space at both ends of the text. Equality is by a 64-bit hash."
)

LINE_REPETITION = SignalFamily(
    name="line_repetition",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="duplicate_line_fraction",
            numerator="duplicate_lines",
            denominator="lines",
            unit="lines over lines",
            formula=f"Lines that equal an earlier line of the document, over all lines. {LINE}",
            value_range=(0.0, 1.0),
            null_when="no line besides blank ones",
            source=GOPHER,
            differs=LINE_DIFFERS,
        ),
        RuleInfo(
            name="duplicate_line_chars_fraction",
            numerator="duplicate_line_chars",
            denominator="chars",
            unit="characters over characters",
            formula=f"Code points of lines that equal an earlier line, over all code points of the text. {LINE}",
            value_range=(0.0, 1.0),
            null_when="empty text",
            source=GOPHER,
            differs=LINE_DIFFERS,
        ),
        RuleInfo(
            name="duplicate_line_chars_without_newlines_fraction",
            numerator="duplicate_line_chars",
            denominator="chars_without_newlines",
            unit="characters over characters",
            formula=(
                "Code points of lines that equal an earlier line, over the code points of the text that are "
                f"not newlines. {LINE}"
            ),
            value_range=(0.0, 1.0),
            null_when="no character besides newlines",
            source=FINEWEB,
            differs="Equality is by a 64-bit hash.",
        ),
        RuleInfo(
            name="duplicate_paragraph_fraction",
            numerator="duplicate_paragraphs",
            denominator="paragraphs",
            unit="paragraphs over paragraphs",
            formula=f"Paragraphs that equal an earlier paragraph, over all paragraphs. {PARAGRAPH}",
            value_range=(0.0, 1.0),
            null_when="no line besides blank ones",
            source=GOPHER,
            differs=PARAGRAPH_DIFFERS,
        ),
        RuleInfo(
            name="duplicate_paragraph_chars_fraction",
            numerator="duplicate_paragraph_chars",
            denominator="chars",
            unit="characters over characters",
            formula=(
                "Code points of paragraphs that equal an earlier paragraph, over all code points of the text. "
                f"{PARAGRAPH}"
            ),
            value_range=(0.0, 1.0),
            null_when="empty text",
            source=GOPHER,
            differs=PARAGRAPH_DIFFERS,
        ),
    ),
)
