"""What makes a line no part of its text: rules on single lines, for the edit that drops them and for signals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from datagov.signals import phrases as phrase_table
from datagov.signals.line_views import LineView, view, words_a_line
from datagov.signals.sentence_end import sentence_end_table
from datagov.text.kernel import kernel

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["PRESETS", "crossed_rules", "spelled_out"]

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
    the edit takes more than 5 % of the words is `dropped_line_words_fraction` of line_edits@1.
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


def spelled_out(preset: str) -> dict[str, Any]:
    """Return a preset's options with the phrases themselves instead of the names of their groups."""
    options = dict(PRESETS[preset])
    options["phrases"] = {name: phrase_table.GROUPS[name].to_dict() for name in options["phrases"]}
    return options


def crossed_rules(
    batch: TextBatch,
    gone: npt.NDArray[np.uint8],
    *,
    terminal_punctuation: bool = False,
    terminal_also: str = "\"'”’」』",
    min_words: int = 0,
    max_word_chars: int | None = None,
    max_uppercase_fraction: float | None = None,
    numeric: bool = False,
    counters: bool = False,
    blank: bool = False,
    phrases: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    contains: Sequence[str] = (),
) -> dict[str, npt.NDArray[np.bool_]]:
    """Return, rule by rule, the lines of a batch that cross it (bool[L]).

    A line lies between line feeds. Rules see it without the characters where `gone` (uint8[C]) is 1 and
    without the white space around it; a line of nothing else is judged by `blank` alone. The options are
    those of the edit `drop_lines`.
    """
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
    found = {rule: lines_of_rule & (size > 0) for rule, lines_of_rule in found.items()}
    if blank:
        found["blank"] = size == 0
    return found
