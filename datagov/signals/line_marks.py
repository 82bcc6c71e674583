"""Family line_marks@1: lines that begin or end with something listed, and how long lines are."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.text.kernel import kernel
from datagov.text.tables import kind_index, unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["LINE_MARKS", "measure"]

COLUMNS = (
    "chars",
    "pieces",
    "nonblank_lines",
    "listed_bullet_lines",
    "listed_ending_lines",
    "javascript_lines",
)

SPACE = kind_index("space")
JAVASCRIPT = np.array([ord(letter) for letter in "javascript"], np.uint32)

MAP_CC_BULLETS = "•●○■□▪▫※·➢‣▶◀◦–"
MAP_CC_ENDINGS = ("readmore", "展开", "更多", "。。。")


@lru_cache(maxsize=64)
def ending_table(endings: tuple[str, ...]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Return the lower-cased code points of all endings, end to end, and their offsets int64[E+1]."""
    lower = unicode_tables().lower
    points = [ord(character) for ending in endings for character in ending]
    lowered = [int(lower[point]) if point < lower.size else point for point in points]
    offsets = np.cumsum([0, *map(len, endings)], dtype=np.int64)
    return np.array(lowered, np.uint32), offsets


@kernel
def count_lines(
    code_points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    kind: npt.NDArray[np.uint8],
    lower: npt.NDArray[np.uint32],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    bullets: npt.NDArray[np.uint32],
    endings: npt.NDArray[np.uint32],
    ending_offsets: npt.NDArray[np.int64],
    phrase: npt.NDArray[np.uint32],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill the last four columns of `counts` int64[N, 6] from the lines' spans.

    `start`, `end` int32[L], `offsets` int64[N+1]; `bullets` uint32[B]; endings as `ending_table`;
    `phrase` is in lower case and begins with a letter of ASCII.
    """
    for d in range(offsets.size - 1):
        nonblank = np.int64(0)
        bullet_lines = np.int64(0)
        ending_lines = np.int64(0)
        phrase_lines = np.int64(0)
        for line in range(offsets[d], offsets[d + 1]):
            first = np.int64(start[line])
            last = np.int64(end[line]) - 1
            while first <= last and kind[classes[first]] == SPACE:
                first += 1
            if first > last:
                continue
            while kind[classes[last]] == SPACE:
                last -= 1
            nonblank += 1
            for bullet in bullets:
                if code_points[first] == bullet:
                    bullet_lines += 1
                    break
            for which in range(ending_offsets.size - 1):
                size = ending_offsets[which + 1] - ending_offsets[which]
                if size > last + 1 - first:
                    continue
                same = True
                for i in range(size):
                    c = code_points[last + 1 - size + i]
                    if c < lower.size:
                        c = lower[c]
                    if c != endings[ending_offsets[which] + i]:
                        same = False
                        break
                if same:
                    ending_lines += 1
                    break
            for at in range(first, last + 2 - phrase.size):
                if code_points[at] | np.uint32(0x20) != phrase[0]:
                    continue
                matched = 1
                while matched < phrase.size:
                    c = code_points[at + matched]
                    if c - np.uint32(0x41) < np.uint32(26):
                        c |= np.uint32(0x20)
                    if c != phrase[matched]:
                        break
                    matched += 1
                if matched == phrase.size:
                    phrase_lines += 1
                    break
        counts[d, 2] = nonblank
        counts[d, 3] = bullet_lines
        counts[d, 4] = ending_lines
        counts[d, 5] = phrase_lines


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of line_marks@1 for `batch`, all int64 and never NULL, one row a document.

    `chars`; `pieces` between newlines, blank ones too, 0 for empty text; `nonblank_lines`, and of these
    `listed_bullet_lines`, `listed_ending_lines` and `javascript_lines`.
    """
    spans = batch.lines
    tables = unicode_tables()
    bullets = np.array([ord(character) for character in params["bullets"]], np.uint32)
    counts = np.empty((batch.n, len(COLUMNS)), np.int64)
    counts[:, 0] = batch.chars
    counts[:, 1] = np.where(batch.chars > 0, np.diff(spans.offsets), 0)
    count_lines(
        batch.code_points,
        batch.classes,
        tables.kind,
        tables.lower,
        spans.start,
        spans.end,
        spans.offsets,
        bullets,
        *ending_table(tuple(params["endings"])),
        JAVASCRIPT,
        counts,
    )
    return pa.RecordBatch.from_pydict(
        {name: pa.array(np.ascontiguousarray(counts[:, at])) for at, name in enumerate(COLUMNS)}
    )


MAP_CC = "MAP-CC (Du et al. 2024, arXiv 2404.04167), released filter/filter.py, self_defined_rules"
BLANK = "over the lines that are not blank; white space at both ends of a line passed over."
LINES_DIFFER = (
    "The script counts blank lines too, does not pass over white space, and splits at every line break that "
    "Python knows."
)


def line_share(name: str, numerator: str, formula: str, source: str, differs: str) -> RuleInfo:
    """Return a rule on the share of lines."""
    return RuleInfo(
        name,
        numerator,
        "nonblank_lines",
        "lines over lines",
        formula,
        (0.0, 1.0),
        "no line besides blank ones",
        source,
        differs,
    )


LINE_MARKS = SignalFamily(
    name="line_marks",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="mean_line_length",
            numerator="chars",
            denominator="pieces",
            unit="characters per line",
            formula="Code points of the text, newlines included, over the pieces between newlines, blank ones too.",
            value_range=(0.0, None),
            null_when="empty text",
            source="EvalWeb (Chen et al. 2023, arXiv 2311.01149), ChineseWebText preprocess.py",
        ),
        line_share(
            "listed_bullet_line_fraction",
            "listed_bullet_lines",
            f"Lines that begin with a character of the parameter `bullets` (15 bullets and dashes), {BLANK}",
            f"{MAP_CC}, rule 9",
            f"{LINES_DIFFER} `bullet_line_fraction` is Gopher's, with two bullets.",
        ),
        line_share(
            "listed_ending_line_fraction",
            "listed_ending_lines",
            "Lines that end with an entry of the parameter `endings` (readmore, 展开, 更多, 。。。), letters in "
            f"either case, {BLANK}",
            f"{MAP_CC}, rule 8",
            f"{LINES_DIFFER} It maps 。 to the full stop before it looks for 。。。, which then never matches; here "
            "it does. MAP-NEO divides sentences that end in `read more` by sentences.",
        ),
        line_share(
            "javascript_line_fraction",
            "javascript_lines",
            f"Lines that hold `javascript`, ASCII letters in either case, {BLANK}",
            "RedPajama-V2, github.com/togethercomputer/RedPajama-Data, rps_lines_javascript_counts",
            "RedPajama-V2 counts the word in every line; C4 and FineWeb remove such lines.",
        ),
    ),
    defaults={"bullets": MAP_CC_BULLETS, "endings": MAP_CC_ENDINGS},
)
