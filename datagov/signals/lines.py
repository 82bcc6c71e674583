"""Family lines@1: what the lines of a document begin and end with, and how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.signals.sentence_end import sentence_end_table
from datagov.text.kernel import kernel
from datagov.text.tables import kind_index, unicode_tables

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["LINES", "measure"]

COLUMNS = (
    "lines",
    "nonblank_lines",
    "bullet_lines",
    "ellipsis_lines",
    "terminal_punctuation_lines",
    "short_lines",
    "newlines",
)

SPACE = kind_index("space")
HYPHEN = 0x2D
FULL_STOP = 0x2E
BULLET = 0x2022
ELLIPSIS = 0x2026


@kernel
def count_lines(
    code_points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    kind: npt.NDArray[np.uint8],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    ends_sentence: npt.NDArray[np.uint8],
    short_chars: int,
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill `counts` int64[N, 7] from the lines' spans (`start`, `end` int32[L], `offsets` int64[N+1]).

    `kind` uint8[256] gives the kind of a class; `ends_sentence` uint8[E] is 1 for the code points that
    end a sentence.
    """
    for d in range(offsets.size - 1):
        pieces = offsets[d + 1] - offsets[d]
        nonblank = np.int64(0)
        bullet = np.int64(0)
        ellipsis = np.int64(0)
        terminal = np.int64(0)
        short = np.int64(0)
        for line in range(offsets[d], offsets[d + 1]):
            first = start[line]
            last = end[line] - 1
            while first <= last and kind[classes[first]] == SPACE:
                first += 1
            if first > last:
                continue
            while kind[classes[last]] == SPACE:
                last -= 1
            nonblank += 1
            if end[line] - start[line] <= short_chars:
                short += 1
            c = code_points[first]
            if c in (BULLET, HYPHEN):
                bullet += 1
            c = code_points[last]
            if c == ELLIPSIS or (
                c == FULL_STOP
                and last - first >= 2
                and code_points[last - 1] == FULL_STOP
                and code_points[last - 2] == FULL_STOP
            ):
                ellipsis += 1
            if c < ends_sentence.size and ends_sentence[c] == 1:
                terminal += 1
        closed = pieces > 0 and start[offsets[d + 1] - 1] == end[offsets[d + 1] - 1]
        counts[d, 0] = pieces - 1 if closed else pieces  # a final newline ends a line, it begins none
        counts[d, 1] = nonblank
        counts[d, 2] = bullet
        counts[d, 3] = ellipsis
        counts[d, 4] = terminal
        counts[d, 5] = short
        counts[d, 6] = max(pieces - 1, 0)


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of lines@1 for `batch`, all int64 and never NULL, one row a document.

    `lines`, of which `nonblank_lines` hold a character that is not white space; of these again
    `bullet_lines`, `ellipsis_lines`, `terminal_punctuation_lines` and `short_lines`; `newlines`
    (U+000A) and `words` of the text.
    """
    spans = batch.lines
    counts = np.empty((batch.n, len(COLUMNS)), np.int64)
    count_lines(
        batch.code_points,
        batch.classes,
        unicode_tables().kind,
        spans.start,
        spans.end,
        spans.offsets,
        sentence_end_table(params["terminal_also"]),
        params["short_line_chars"],
        counts,
    )
    columns = {name: pa.array(np.ascontiguousarray(counts[:, at])) for at, name in enumerate(COLUMNS)}
    columns["words"] = pa.array(np.diff(batch.words.offsets))
    return pa.RecordBatch.from_pydict(columns)


GOPHER = (
    "Rae et al. 2021, arXiv 2112.11446, Quality Filtering; as in datatrove 0.10.1 gopher_quality_filter.py"
)
FINEWEB = "Penedo et al. 2024, arXiv 2406.17557; as in datatrove 0.10.1 fineweb_quality_filter.py"
ONLY_NEWLINES = (
    "A line ends at U+000A only, and white space around it (U+000D too) is passed over; datatrove splits "
    "this rule's lines at every character that str.splitlines knows (U+000B, U+2028, ...)."
)

LINES = SignalFamily(
    name="lines",
    version=1,
    measure=measure,
    defaults={"terminal_also": "", "short_line_chars": 30},
    rules=(
        RuleInfo(
            name="bullet_line_fraction",
            numerator="bullet_lines",
            denominator="lines",
            unit="lines over lines",
            formula=(
                "Lines whose first character that is not white space is U+2022 or U+002D, over all lines, "
                "blank ones included."
            ),
            value_range=(0.0, 1.0),
            null_when="empty text",
            source=GOPHER,
            differs=ONLY_NEWLINES,
        ),
        RuleInfo(
            name="ellipsis_line_fraction",
            numerator="ellipsis_lines",
            denominator="lines",
            unit="lines over lines",
            formula=(
                "Lines that end in `…` or three full stops, white space after it passed over, over all lines, "
                "blank ones included."
            ),
            value_range=(0.0, 1.0),
            null_when="empty text",
            source=GOPHER,
            differs=ONLY_NEWLINES,
        ),
        RuleInfo(
            name="terminal_punctuation_line_fraction",
            numerator="terminal_punctuation_lines",
            denominator="nonblank_lines",
            unit="lines over lines",
            formula=(
                "Lines that end in a character of Unicode's Sentence_Terminal property (. ! ? 。 ！ ？ and "
                "others) or of the parameter `terminal_also`, white space after it passed over, over the "
                "lines that are not blank."
            ),
            value_range=(0.0, 1.0),
            null_when="no line besides blank ones",
            source=FINEWEB,
            differs=(
                "datatrove does not pass over white space at the end of a line, so that lines ending in "
                "U+000D or a space never count. As there, closing quotes and brackets, semicolons and "
                "ellipses do not end a sentence unless `terminal_also` names them. 16 rare characters that "
                "Unicode has since added to the property count here."
            ),
        ),
        RuleInfo(
            name="short_line_fraction",
            numerator="short_lines",
            denominator="nonblank_lines",
            unit="lines over lines",
            formula=(
                "Lines of at most `short_line_chars` (30) code points, white space included, over the lines "
                "that are not blank."
            ),
            value_range=(0.0, 1.0),
            null_when="no line besides blank ones",
            source=FINEWEB,
        ),
        RuleInfo(
            name="newlines_per_word",
            numerator="newlines",
            denominator="words",
            unit="newlines per word",
            formula="Newlines (U+000A) of the text over all words, punctuation included.",
            value_range=(0.0, None),
            null_when="no word",
            source=FINEWEB,
            differs="Words come from UAX #29 or jieba-rs instead of spaCy or jieba.",
        ),
    ),
)
