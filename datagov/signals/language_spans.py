"""Family language_spans@1: which languages a mixed document is in, and how much of it each.

A document is cut into spans of whole lines, and each is identified by itself. The beginning of a document that
is half Chinese and half English says one and hides the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.labels import code_of
from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.signals.langid import beginnings, classify
from datagov.signals.langid_model import labels, language_model, prepared
from datagov.text.kernel import kernel

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["LANGUAGE_SPANS", "cut", "measure"]

SPAN_CHARS: Final = 200
MAX_CHARS: Final = 20_000

COLUMNS = ("main_label", "main_chars", "second_label", "second_chars", "known_chars", "languages")
LINE_FEED: Final = 0x0A


@kernel
def cut(
    points: npt.NDArray[np.uint32], offsets: npt.NDArray[np.int64], least: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Cut documents into spans.

    A span ends with the first line that gives it `least` code points, and inside a line where it has twice as
    many. What is left at the end of a document belongs to its last span if it is shorter than `least`.

    Returns
    -------
    ends : int64[S+1]
        Span i is `points[ends[i]:ends[i+1]]`. A document without a character has none.
    document : int64[S]
        The document a span is of.
    """
    most = offsets.size
    for row in range(offsets.size - 1):
        most += (offsets[row + 1] - offsets[row]) // least
    ends = np.zeros(most + 1, np.int64)
    document = np.zeros(most, np.int64)
    count = 0
    for row in range(offsets.size - 1):
        start, stop = offsets[row], offsets[row + 1]
        before = count
        for at in range(start, stop):
            size = at + 1 - start
            if (size >= least and points[at] == LINE_FEED) or size >= 2 * least:
                start = at + 1
                document[count] = row
                count += 1
                ends[count] = start
        if start < stop:
            if count == before or stop - start >= least:
                document[count] = row
                count += 1
            ends[count] = stop
    return ends[: count + 1], document[:count]


@kernel
def sum_up(
    ends: npt.NDArray[np.int64],
    document: npt.NDArray[np.int64],
    best: npt.NDArray[np.int64],
    labels: int,
    table: npt.NDArray[np.int64],
) -> None:
    """Fill `table` int64[N, 6], COLUMNS with indices of labels; -1 where there is no such language.

    Of languages with equally many characters, the one that stands first in the model comes first.
    """
    chars = np.zeros(labels, np.int64)
    table[:, :] = 0
    table[:, 0] = -1
    table[:, 2] = -1
    span = 0
    while span < document.size:
        row = document[span]
        chars[:] = 0
        while span < document.size and document[span] == row:
            if best[span] >= 0:
                chars[best[span]] += ends[span + 1] - ends[span]
            span += 1
        for rank in range(2):
            top = np.argmax(chars)
            if chars[top] > 0:
                table[row, 2 * rank] = top
                table[row, 2 * rank + 1] = chars[top]
            if rank == 0:
                table[row, 4] = chars.sum()
                table[row, 5] = (chars > 0).sum()
            chars[top] = 0


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of language_spans@1 for `batch`, all int64, one row a document.

    `main_label` and `second_label`, codes of `datagov.labels` (NULL where there is none), with the characters of
    their spans, `main_chars` and `second_chars`; `known_chars` of all spans that have a language, and the number
    of `languages`.
    """
    model = language_model(params["library"])
    points, offsets = beginnings(batch.code_points, batch.offsets, int(params["max_chars"]))
    ends, document = cut(points, offsets, int(params["span_chars"]))
    best, _ = classify(points, ends, model)
    table = np.empty((batch.n, len(COLUMNS)), np.int64)
    sum_up(ends, document, best, len(model.labels), table)
    codes = np.array([code_of(name) for name in model.labels], np.int64)
    columns = {name: pa.array(np.ascontiguousarray(table[:, at])) for at, name in enumerate(COLUMNS)}
    for at in (0, 2):
        columns[COLUMNS[at]] = pa.array(codes[np.maximum(table[:, at], 0)], mask=table[:, at] < 0)
    return pa.RecordBatch.from_pydict(columns)


SPANS = (
    "of the first `max_chars` code points, cut after lines into spans of `span_chars` to twice as many (a shorter rest "
    "belongs to the span before), each identified by py3langid by itself"
)
SOURCE = "our own; the model is py3langid, github.com/adbar/py3langid"
NO_LANGUAGE = "no span has a language"


def share(name: str, numerator: str, what: str) -> RuleInfo:
    """Return the rule on one language's share."""
    return RuleInfo(
        name=name,
        numerator=numerator,
        denominator="known_chars",
        unit="characters over characters",
        formula=f"Characters of spans in {what} over those of all spans that have a language: {SPANS}.",
        value_range=(0.0, 1.0),
        null_when=NO_LANGUAGE,
        source=SOURCE,
    )


LANGUAGE_SPANS = SignalFamily(
    name="language_spans",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="main_language",
            numerator="main_label",
            denominator=None,
            unit="label",
            formula=f"The language with most characters: {SPANS}.",
            value_range=(1.0, None),
            null_when=NO_LANGUAGE,
            source=SOURCE,
            is_label=True,
        ),
        share("main_language_char_fraction", "main_chars", "`main_language`"),
        RuleInfo(
            name="second_language",
            numerator="second_label",
            denominator=None,
            unit="label",
            formula=f"The language with most characters after `main_language`: {SPANS}.",
            value_range=(1.0, None),
            null_when="at most one language",
            source=SOURCE,
            is_label=True,
        ),
        share("second_language_char_fraction", "second_chars", "`second_language`"),
        RuleInfo(
            name="language_count",
            numerator="languages",
            denominator=None,
            unit="languages",
            formula=f"Different languages {SPANS}.",
            value_range=(0.0, None),
            null_when="never",
            source=SOURCE,
        ),
    ),
    defaults={"span_chars": SPAN_CHARS, "max_chars": MAX_CHARS, "library": ""},
    prepare=prepared,
    labels=labels,
)
"""`span_chars`: fewest code points of a span. `max_chars`: most code points of a document looked at. `library`: filled
in, the name and version of py3langid."""
