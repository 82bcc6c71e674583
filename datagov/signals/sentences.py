"""Family sentences@1: how many sentences a document has, by three definitions in use."""

from __future__ import annotations

from functools import cache
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

__all__ = ["SENTENCES", "measure"]

COLUMNS = ("sentences", "clauses", "marked_stretches")

LETTER = kind_index("letter")
NUMBER = kind_index("number")
SPACE = kind_index("space")

ENDS = np.uint8(1)
ENDS_BEFORE_SPACE = np.uint8(2)
CLOSES = np.uint8(4)
ENDS_CLAUSE = np.uint8(8)
ENDS_STRETCH = np.uint8(16)

ASCII_ENDS = ".!?"
CLOSERS = "\"')]}”’»」』）】"
CLAUSE_ENDS = '.!…?;"。！？；“”．'
LINE_FEED = "\n"


@cache
def marks() -> npt.NDArray[np.uint8]:
    """Return uint8[L]: what a character does to sentences, as bits; 0 past its end."""
    table = sentence_end_table("").astype(np.uint8) * ENDS
    for characters, clear, bit in (
        (ASCII_ENDS, ENDS, ENDS_BEFORE_SPACE | ENDS_STRETCH),
        (CLOSERS, np.uint8(0), CLOSES),
        (CLAUSE_ENDS, np.uint8(0), ENDS_CLAUSE),
        (LINE_FEED, np.uint8(0), ENDS),
    ):
        for character in characters:
            table[ord(character)] = (table[ord(character)] & ~clear) | bit
    table.flags.writeable = False
    return table


@kernel
def count_sentences(
    code_points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    kind: npt.NDArray[np.uint8],
    marks: npt.NDArray[np.uint8],
    counts: npt.NDArray[np.int64],
) -> None:
    """Fill `counts` int64[N, 3]; `kind` uint8[256] gives the kind of a class, `marks` as the function."""
    for d in range(offsets.size - 1):
        sentences = np.int64(0)
        clauses = np.int64(0)
        stretches = np.int64(0)
        in_sentence = False
        in_clause = False
        in_stretch = False
        stop = np.uint64(offsets[d + 1])
        for at in range(np.uint64(offsets[d]), stop):
            kind_here = kind[classes[at]]
            if kind_here in (LETTER, NUMBER):
                in_sentence = True
                in_clause = True
                in_stretch = True
                continue
            c = code_points[at]
            mark = marks[c] if c < marks.size else np.uint8(0)
            if mark & ENDS_CLAUSE != 0:
                clauses += in_clause
                in_clause = False
            elif kind_here != SPACE:
                in_clause = True
            if mark & ENDS_STRETCH != 0:
                stretches += in_stretch
                in_stretch = False
            ends = mark & ENDS != 0
            if in_sentence and mark & ENDS_BEFORE_SPACE != 0:
                after = at + np.uint64(1)
                while (
                    after < stop
                    and code_points[after] < marks.size
                    and marks[code_points[after]] & CLOSES != 0
                ):
                    after += np.uint64(1)
                ends = after == stop or kind[classes[after]] == SPACE
            if ends:
                sentences += in_sentence
                in_sentence = False
        counts[d, 0] = sentences + in_sentence
        counts[d, 1] = clauses + in_clause
        counts[d, 2] = stretches + in_stretch


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:  # noqa: ARG001
    """Return the columns of sentences@1 for `batch`, all int64 and never NULL, one row a document.

    `sentences`, `clauses` and `marked_stretches`, as the rules say.
    """
    counts = np.empty((batch.n, len(COLUMNS)), np.int64)
    count_sentences(batch.code_points, batch.classes, batch.offsets, unicode_tables().kind, marks(), counts)
    return pa.RecordBatch.from_pydict(
        {name: pa.array(np.ascontiguousarray(counts[:, at])) for at, name in enumerate(COLUMNS)}
    )


def sentence_rule(name: str, numerator: str, unit: str, formula: str, source: str, differs: str) -> RuleInfo:
    """Return a rule on a count."""
    return RuleInfo(name, numerator, None, unit, formula, (0.0, None), "never", source, differs)


SENTENCES = SignalFamily(
    name="sentences",
    version=1,
    measure=measure,
    rules=(
        sentence_rule(
            "sentence_count",
            "sentences",
            "sentences",
            "Stretches that hold a letter or number, cut at newlines, at characters of Unicode's "
            "Sentence_Terminal property, and at the ASCII marks . ! ? only where white space or the end of the "
            "text follows (closing quotes and brackets between passed over).",
            "Raffel et al. 2020, arXiv 1910.10683 (C4); as in datatrove c4_filters.py",
            "datatrove asks NLTK's Punkt model for the sentences of each line, which knows abbreviations: `Mr. "
            "Smith` counts as two here. It counts in the lines that its line rules keep.",
        ),
        sentence_rule(
            "clause_count",
            "clauses",
            "stretches of text",
            'Stretches that are not blank, cut at runs of . ! … ? ; " and their full-width or Chinese forms.',
            "MAP-CC (Du et al. 2024, arXiv 2404.04167), released filter/filter.py, self_defined_rules, rule 1",
            "The script maps only some Chinese marks to ASCII before it cuts; here all of them cut.",
        ),
        sentence_rule(
            "marked_stretch_count",
            "marked_stretches",
            "stretches of text",
            "Stretches that hold a letter or number, cut at runs of the ASCII marks . ! ?, wherever they stand.",
            "RedPajama-V2, github.com/togethercomputer/RedPajama-Data, rps_doc_num_sentences",
            "The low line is a word character of RedPajama-V2's regular expression and none here.",
        ),
    ),
)
