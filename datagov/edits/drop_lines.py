"""The edit `drop_lines`: lines that are not part of the text, each removed with the rules it goes by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from datagov.edits import phrases as phrase_table
from datagov.edits.cutting import cut_lines, mark
from datagov.edits.edited import Edited
from datagov.edits.line_views import LineView, citation_marks, view, words_a_line
from datagov.signals.sentence_end import sentence_end_table
from datagov.text.kernel import kernel

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["COUNTS", "PRESETS", "apply"]

COUNTS = ("lines_removed", "citations_removed")

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "c4": {
            "terminal_punctuation": True,
            "min_words": 3,
            "max_word_chars": 1000,
            "blank": True,
            "citations": True,
            "phrases": ["javascript", "policy"],
        },
        "mapcc": {
            "terminal_punctuation": True,
            "terminal_also": "\"'”’」』）)…",
            "min_words": 3,
            "phrases": ["javascript"],
        },
        "refinedweb": {
            "min_words": 2,
            "max_uppercase_fraction": 0.5,
            "numeric": True,
            "counters": True,
            "phrases": ["cart", "read_more", "sign_in"],
        },
        "boilerplate": {"phrases": ["cookies", "copyright", "copyright_sign", "expand", "read_more"]},
    }
)
"""Name -> options.

Source
------
c4
    Raffel et al. 2020, arXiv 1910.10683, with the values of datatrove 0.10.1, c4_filters.py (its rules
    about whole documents are no part of an edit). Words are those of this package, not runs between
    spaces; lines are not stripped, and the phrases `lorem ipsum` and `{` drop no line.
mapcc
    The line filter of MAP-CC (arXiv 2404.04167), which its released script defines and does not call,
    without its lists of bad words. Closing quotes and brackets end a line here as well.
refinedweb
    Penedo et al. 2023, arXiv 2306.01116, as reproduced by DCLM. The rule that drops a document of which
    the edit took more than 5 % of the words is not included.
boilerplate
    This package's own.
"""

COUNTER: Final = re.compile(
    r"[\d][\d.,]*\s?[kmw万萬千]?\+?\s?"
    r"(likes?|shares?|comments?|retweets?|reposts?|replies|views?|followers?|downloads?|"
    r"人?赞|个赞|条?评论|次?转发|次?分享|次?浏览|人?收藏|次?阅读|次?播放)"
)
"""A whole line, in lower case, that only counts something: `3 likes`, `12条评论`."""
LONGEST_COUNTER: Final = 40
FULL_STOP: Final = 0x2E


@kernel
def _without_end(
    points: npt.NDArray[np.uint32],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    ends_sentence: npt.NDArray[np.uint8],
) -> npt.NDArray[np.bool_]:
    """bool[L]: lines whose last character ends no sentence, or is the last of three full stops."""
    found = np.zeros(start.shape[0], np.bool_)
    for line in range(start.shape[0]):
        at = end[line] - 1
        if at < start[line]:
            continue
        point = points[at]
        ellipsis = (
            point == FULL_STOP
            and at - start[line] >= 2
            and points[at - 1] == FULL_STOP
            and points[at - 2] == FULL_STOP
        )
        found[line] = ellipsis or not (point < ends_sentence.shape[0] and ends_sentence[point])
    return found


@kernel
def _no_letters_but_digits(
    points: npt.NDArray[np.uint32], start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """bool[L]: lines that begin with an ASCII digit and hold only such, spaces and `.,:/-%`."""
    found = np.zeros(start.shape[0], np.bool_)
    for line in range(start.shape[0]):
        digits = 0
        others = 0
        for at in range(start[line], end[line]):
            point = points[at]
            if 0x30 <= point <= 0x39:
                digits += 1
            elif not (point == 0x20 or 0x2C <= point <= 0x2F or point in (0x25, 0x3A)):
                others += 1
        found[line] = digits > 0 and others == 0
    return found


def _counters(lines: LineView) -> npt.NDArray[np.bool_]:
    """bool[L]: lines that COUNTER describes; the expression sees short lines that begin with a digit."""
    found = np.zeros(len(lines.start), np.bool_)
    length = lines.end - lines.start
    first = lines.points[lines.start]
    short = (length > 1) & (length <= LONGEST_COUNTER) & (first >= 0x30) & (first <= 0x39)
    for line in np.flatnonzero(short).tolist():
        text = lines.points[lines.start[line] : lines.end[line]].tobytes().decode("utf-32-le")
        found[line] = COUNTER.fullmatch(text) is not None
    return found


def apply(
    batch: TextBatch,
    *,
    terminal_punctuation: bool = False,
    terminal_also: str = "\"'”’」』",
    min_words: int = 0,
    max_word_chars: int | None = None,
    max_uppercase_fraction: float | None = None,
    numeric: bool = False,
    counters: bool = False,
    blank: bool = False,
    citations: bool = False,
    phrases: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    contains: Sequence[str] = (),
) -> Edited:
    """Remove lines that cross a rule, and citation marks inside the others.

    A line lies between line feeds. Rules see it without citation marks (if these go) and without the
    white space around it; a line of nothing else is judged by `blank` alone. A line that goes is
    recorded under every rule it crosses.

    Parameters
    ----------
    batch : TextBatch
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
    citations : bool
        Remove `[12]`, `[edit]` and the like inside lines, recorded as rule `citation`.
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
    lines = view(batch, gone)
    size = lines.end - lines.start
    held = {
        name: phrase_table.find(lines.points, lines.start, lines.end, group["phrases"], group["where"])
        for name, group in phrases.items()
    }
    wanted = np.full(len(size), min_words > 0)
    for name, group in phrases.items():
        if group["most_words"] is not None:
            wanted |= held[name]
    words = words_a_line(batch, gone, wanted)
    found: dict[str, npt.NDArray[np.bool_]] = {}
    if terminal_punctuation:
        table = sentence_end_table(terminal_also)
        found["terminal_punctuation"] = _without_end(lines.points, lines.start, lines.end, table)
    if min_words:
        found["min_words"] = words < min_words
    if max_word_chars is not None:
        found["max_word_chars"] = lines.longest > max_word_chars
    if max_uppercase_fraction is not None:
        found["max_uppercase_fraction"] = lines.upper > max_uppercase_fraction * lines.letters
    if numeric:
        found["numeric"] = _no_letters_but_digits(lines.points, lines.start, lines.end)
    if counters:
        found["counters"] = _counters(lines)
    for name, group in phrases.items():
        most = group["most_words"]
        found[name] = held[name] if most is None else held[name] & (words <= most)
    if contains:
        found["contains"] = phrase_table.find(lines.points, lines.start, lines.end, contains, "anywhere")
    crossed = np.zeros(len(size), np.uint32)
    for bit, rule in enumerate(found.values()):
        crossed |= (rule & (size > 0)).astype(np.uint32) << np.uint32(bit)
    rules = list(found)
    if blank:
        crossed |= (size == 0).astype(np.uint32) << np.uint32(len(rules))
        rules.append("blank")
    return cut_lines(batch, crossed, rules, within=("citation", "citations_removed", *cited))
