"""The edit `drop_lines`: lines that are not part of the text, each removed with the rules it goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from datagov.edits.cutting import cut_units, mark
from datagov.edits.edited import Edited
from datagov.signals.line_rules import crossed_rules
from datagov.signals.line_views import citation_marks

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["COUNTS", "apply"]

COUNTS = ("lines_removed", "citations_removed")


def apply(batch: TextBatch, *, citations: bool = False, **rules: Any) -> Edited:
    """Remove lines that cross a rule, and citation marks inside the others.

    A line lies between line feeds. Rules see it without citation marks (if these go) and without the
    white space around it; a line of nothing else is judged by `blank` alone. A line that goes is
    recorded under every rule it crosses.

    Parameters
    ----------
    batch : TextBatch
    citations : bool
        Remove `[12]`, `[edit]` and the like inside lines, recorded as rule `citation`.
    terminal_punctuation : bool
        Rule: the line does not end in a character of Unicode's Sentence_Terminal or of
        `terminal_also`, or ends in three full stops.
    min_words : int
        Rule: fewer words; words as in the family words@1, punctuation not counted.
    max_word_chars : int or None
        Rule: a longer run without white space. Chinese is written without: set it for spaced scripts.
    max_uppercase_fraction : float or None
        Rule: more of the line's letters are upper case.
    numeric, counters : bool
        Rules: digits and the signs between them only; a count such as `3 likes` only.
    blank : bool
        Rule: white space only.
    phrases : mapping
        Rules: group name -> {where, phrases, most_words}, see `phrases.GROUPS`.
    contains : sequence of str
        Rule: the line holds one of these.

    Returns
    -------
    Edited
        With spans. The text that stays is the kept lines, joined by line feeds.
    """
    gone = np.zeros(len(batch.code_points), np.uint8)
    none = np.zeros(0, np.int64)
    cited = citation_marks(batch) if citations else (none, none)
    mark(*cited, gone)
    found = crossed_rules(batch, gone, **rules)
    crossed = np.zeros(len(batch.lines.start), np.uint32)
    for bit, lines in enumerate(found.values()):
        crossed |= lines.astype(np.uint32) << np.uint32(bit)
    return cut_units(
        batch,
        batch.lines,
        crossed,
        list(found),
        counted="lines_removed",
        within=("citation", "citations_removed", *cited),
    )
