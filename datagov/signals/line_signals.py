"""Family line_signals@1: RedPajama-V2's signals of single lines, of each line and summed over the document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.signals.letter_case import UPPER, letter_case
from datagov.text.kernel import kernel
from datagov.text.segments import ALL_SYMBOL
from datagov.text.tables import kind_index, unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["LINE_SIGNALS", "by_line", "measure"]

COLUMNS: Final = (
    "lines",
    "chars",
    "terminal_lines",
    "bullet_lines",
    "words",
    "javascript_words",
    "upper_chars",
    "number_chars",
)

SPACE: Final = kind_index("space")
NUMBER: Final = kind_index("number")
JAVASCRIPT: Final = np.array([ord(letter) for letter in "javascript"], np.uint32)

BULLETS: Final = "•‣▶◀◦■□▪▫–"
TERMINAL: Final = ".!?”"


@kernel
def _count(
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    kind: npt.NDArray[np.uint8],
    case: npt.NDArray[np.uint8],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    word_start: npt.NDArray[np.int32],
    word_end: npt.NDArray[np.int32],
    word_flags: npt.NDArray[np.uint8],
    terminal: npt.NDArray[np.uint32],
    bullets: npt.NDArray[np.uint32],
    phrase: npt.NDArray[np.uint32],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill `counts` int64[L, 8] of lines `start`, `end` int32[L]; a blank line's row stays 0.

    `case` uint8[LOWER_LIMIT] as `letter_case` returns it; words int32[W] in text order; `phrase` in lower case.
    """
    word = 0
    for line in range(start.size):
        first = np.int64(start[line])
        last = np.int64(end[line]) - 1
        while first <= last and kind[classes[first]] == SPACE:
            first += 1
        if first > last:
            continue
        while kind[classes[last]] == SPACE:
            last -= 1
        upper = np.int64(0)
        numbers = np.int64(0)
        for at in range(first, last + 1):
            c = points[at]
            upper += c < case.size and case[c] == UPPER
            numbers += kind[classes[at]] == NUMBER
        counts[line, 0] = 1
        counts[line, 1] = np.int64(end[line]) - start[line]
        for mark in terminal:
            counts[line, 2] |= np.int64(points[last] == mark)
        for bullet in bullets:
            counts[line, 3] |= np.int64(points[first] == bullet)
        counts[line, 6] = upper
        counts[line, 7] = numbers
        while word < word_start.size and word_start[word] < start[line]:
            word += 1
        while word < word_start.size and word_start[word] < end[line]:
            counts[line, 4] += not word_flags[word] & ALL_SYMBOL
            if word_end[word] - word_start[word] == phrase.size:
                same = True
                for i in range(phrase.size):
                    c = points[word_start[word] + i]
                    if c - np.uint32(0x41) < np.uint32(26):
                        c |= np.uint32(0x20)
                    same &= c == phrase[i]
                counts[line, 5] += same
            word += 1


def counted(batch: TextBatch, params: Params) -> npt.NDArray[np.int64]:
    """Return int64[L, 8], `COLUMNS` of each line of the batch; 0 in all of a blank line."""
    lines, words, tables = batch.lines, batch.words, unicode_tables()
    counts = np.zeros((lines.start.size, len(COLUMNS)), np.int64)
    terminal, bullets = (
        np.array([ord(character) for character in params[name]], np.uint32)
        for name in ("terminal", "bullets")
    )
    _count(
        batch.code_points,
        batch.classes,
        tables.kind,
        letter_case(),
        lines.start,
        lines.end,
        words.start,
        words.end,
        words.flags,
        terminal,
        bullets,
        JAVASCRIPT,
        counts,
    )
    return counts


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of line_signals@1 for `batch`, int64 and never NULL: `COLUMNS` summed over each document's lines."""
    running = np.zeros((batch.lines.start.size + 1, len(COLUMNS)), np.int64)
    np.cumsum(counted(batch, params), axis=0, out=running[1:])
    totals = np.diff(running[batch.lines.offsets], axis=0)
    return pa.RecordBatch.from_pydict(
        {name: pa.array(np.ascontiguousarray(totals[:, at])) for at, name in enumerate(COLUMNS)}
    )


def by_line(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return a row for each line of `batch` that is not blank: `row`, `line`, `start`, `end` and `COLUMNS`.

    `line` counts a document's lines from 0, blank ones too; `start`, `end` are code points of the document.
    """
    lines = batch.lines
    counts = counted(batch, params)
    told = np.flatnonzero(counts[:, 0])
    row = np.repeat(np.arange(batch.n), np.diff(lines.offsets))[told]
    first = batch.offsets[row]
    columns = {
        "row": row,
        "line": told - lines.offsets[row],
        "start": lines.start[told] - first,
        "end": lines.end[told] - first,
    } | {name: np.ascontiguousarray(counts[told, at]) for at, name in enumerate(COLUMNS)}
    return pa.RecordBatch.from_pydict(
        {name: pa.array(column, pa.int64()) for name, column in columns.items()}
    )


SOURCE = "RedPajama-V2, github.com/togethercomputer/RedPajama-Data, app/src/core/quality_signals/lines.py"
BOTH = "Of a line, and of the document over all its lines, blank ones left out."
BLANK = "every line is blank"
NORMALISED = "RedPajama-V2 counts in text without ASCII punctuation, in lower case and NFD."


def rule(
    name: str,
    numerator: str,
    denominator: str | None,
    unit: str,
    formula: str,
    signal: str,
    differs: str,
    most: float | None = 1.0,
) -> RuleInfo:
    """Return one rule."""
    return RuleInfo(
        name,
        numerator,
        denominator,
        unit,
        f"{formula} {BOTH}",
        (0.0, most),
        "never" if denominator is None else BLANK,
        f"{SOURCE}, {signal}",
        differs,
    )


LINE_SIGNALS = SignalFamily(
    name="line_signals",
    version=1,
    measure=measure,
    by_line=by_line,
    rules=(
        rule(
            "line_terminal_fraction",
            "terminal_lines",
            "lines",
            "lines over lines",
            "Lines that end with a character of the parameter `terminal` (. ! ? ”), white space after it passed over; "
            "1 or 0 of a line.",
            "rps_lines_ending_with_terminal_punctution_mark",
            "",
        ),
        rule(
            "line_bullet_fraction",
            "bullet_lines",
            "lines",
            "lines over lines",
            "Lines that begin with a character of the parameter `bullets` (ten of them), white space before it passed "
            "over; 1 or 0 of a line.",
            "rps_lines_start_with_bulletpoint",
            "Gopher's `bullet_line_fraction` has two bullets, MAP-CC's `listed_bullet_line_fraction` fifteen.",
        ),
        rule(
            "words_per_line",
            "words",
            "lines",
            "words per line",
            "Words that begin in the line, those of punctuation and symbols alone left out.",
            "rps_lines_num_words",
            f"{NORMALISED} Its words are what white space parts.",
            None,
        ),
        rule(
            "line_javascript_count",
            "javascript_words",
            None,
            "words",
            "Words that are `javascript`, ASCII letters in either case.",
            "rps_lines_javascript_counts",
            f"{NORMALISED} `javascript_line_fraction` is on lines that hold it, in a longer word too.",
            None,
        ),
        rule(
            "line_uppercase_fraction",
            "upper_chars",
            "chars",
            "characters over characters",
            "Characters that have a lower case other than themselves over all, white space at the line's ends included.",
            "rps_lines_uppercase_letter_fraction",
            "RedPajama-V2 rounds to eight digits, and knows a few capitals without a lower case.",
        ),
        rule(
            "line_numeric_fraction",
            "number_chars",
            "chars",
            "characters over characters",
            "Characters of the general categories N* over all, white space at the line's ends included.",
            "rps_lines_numerical_chars_fraction",
            f"{NORMALISED} It also takes Han numerals, such as 一, for numbers.",
        ),
    ),
    defaults={"terminal": TERMINAL, "bullets": BULLETS},
)
