"""The edit `repair`: text that was decoded wrongly, by ftfy, line by line.

ftfy repairs each line by itself, so only the lines it could change are given to it. A kernel finds
them: a line can only change if it holds a character that one of the chosen repairs speaks of, or two
neighbouring characters of those that wrongly decoded UTF-8 is made of.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.edits.edited import Edited, changes, replaced
from datagov.extras import load
from datagov.text.kernel import kernel

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["COUNTS", "apply", "lines_in_question"]

COUNTS = ("lines_repaired",)

POINTS: Final = 0x110000
ALONE, MARK, PUNCTUATION = 1, 2, 4
"""Roles: what may change by itself; what wrongly decoded text is made of; such of it as is punctuation,
which next to its like means nothing."""
LESS_THAN: Final = ord("<")
AMPERSAND: Final = ord("&")
NUMBER_SIGN: Final = ord("#")
LINE_ENDS: Final = "\r\x85\u2028\u2029"
QUOTES: Final = "\u02bc\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f"
C1_CONTROLS: Final = "".join(map(chr, range(0x80, 0xA0)))
LONE_MOJIBAKE: Final = "ŒœÃÂ" + C1_CONTROLS
"""What ftfy takes for wrongly decoded beside a character of any kind, or by itself."""
FIRST, LAST = 0x80, 0xFFFF
"""Between them lies all that wrongly decoded text is made of."""
NEVER, UNTIL_TAG, ALWAYS = 0, 1, 2


@lru_cache(maxsize=16)
def _roles(characters: str, mojibake: bool) -> npt.NDArray[np.uint8]:
    """uint8[POINTS]: role bits; `characters` are those that other repairs speak of."""
    roles = np.zeros(POINTS, np.uint8)
    for character in characters:
        roles[ord(character)] |= ALONE
    if mojibake:
        from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES  # noqa: PLC0415 - an extra

        plain = ("common", "start_punctuation", "end_punctuation")
        every = "".join(map(chr, range(FIRST, LAST + 1)))
        held, telling = np.zeros(POINTS, np.bool_), np.zeros(POINTS, np.bool_)
        for name, ranges in MOJIBAKE_CATEGORIES.items():
            for found in re.finditer(f"[{ranges}]+", every):
                place = slice(FIRST + found.start(), FIRST + found.end())
                held[place] = True
                telling[place] |= name not in plain
        roles[held] |= MARK
        roles[held & ~telling] |= PUNCTUATION
        for character in filter(every.__contains__, BADNESS_RE.pattern):
            roles[ord(character)] |= MARK
        for character in LONE_MOJIBAKE:
            roles[ord(character)] |= ALONE
    return roles


@kernel
def _flag(
    points: npt.NDArray[np.uint32],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    roles: npt.NDArray[np.uint8],
    entities: int,
    flagged: npt.NDArray[np.bool_],
    after_tag: npt.NDArray[np.bool_],
) -> None:
    """Fill bool[L]: lines in question, and lines before which the document holds a `<`."""
    for row in range(offsets.shape[0] - 1):
        tag = False
        for line in range(offsets[row], offsets[row + 1]):
            after_tag[line] = tag
            found = False
            entity = False
            previous = np.uint8(0)
            for at in range(start[line], end[line]):
                point = points[at]
                role = roles[point]
                if role & ALONE or (
                    role & previous & MARK and not (role & PUNCTUATION and previous & PUNCTUATION)
                ):
                    found = True
                previous = role
                if point == LESS_THAN:
                    tag = True
                elif point == AMPERSAND and at + 1 < end[line]:
                    following = points[at + 1] | 0x20  # lower case, for letters
                    entity |= (
                        points[at + 1] == NUMBER_SIGN
                        or 0x30 <= points[at + 1] <= 0x39
                        or 0x61 <= following <= 0x7A
                    )
            flagged[line] = found or (entity and (entities == ALWAYS or (entities == UNTIL_TAG and not tag)))


def _characters(config: dict[str, Any]) -> str:
    """Return the characters that the chosen repairs other than that of the encoding speak of."""
    from ftfy import chardata  # noqa: PLC0415 - an extra

    speak_of = {
        "fix_c1_controls": C1_CONTROLS,
        "remove_terminal_escapes": "\x1b",
        "fix_latin_ligatures": "".join(map(chr, chardata.LIGATURES)),
        "fix_character_width": "".join(map(chr, chardata.WIDTH_MAP)),
        "uncurl_quotes": QUOTES,
        "fix_line_breaks": LINE_ENDS,
        "remove_control_chars": "".join(map(chr, chardata.CONTROL_CHARS)),
    }
    return "".join(characters for name, characters in speak_of.items() if config[name])


def lines_in_question(
    batch: TextBatch, config: dict[str, Any]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return bool[L] twice, over `batch.lines`: lines ftfy may change, and those after a `<`.

    ftfy leaves every other line as it is. `config` holds the options of `apply`.
    """
    lines = batch.lines
    total = len(lines.start)
    flagged, after_tag = np.zeros(total, np.bool_), np.zeros(total, np.bool_)
    entities = {"auto": UNTIL_TAG, True: ALWAYS, False: NEVER}[config["unescape_html"]]
    roles = _roles(_characters(config), config["fix_encoding"])
    _flag(batch.code_points, lines.start, lines.end, lines.offsets, roles, entities, flagged, after_tag)
    return flagged, after_tag


def apply(
    batch: TextBatch,
    *,
    fix_encoding: bool = True,
    restore_byte_a0: bool = True,
    replace_lossy_sequences: bool = True,
    decode_inconsistent_utf8: bool = True,
    fix_c1_controls: bool = True,
    unescape_html: Literal["auto"] | bool = "auto",
    remove_terminal_escapes: bool = True,
    fix_line_breaks: bool = True,
    remove_control_chars: bool = True,
    fix_latin_ligatures: bool = False,
    fix_character_width: bool = False,
    uncurl_quotes: bool = False,
    by: str | None = None,
) -> Edited:
    """Repair wrongly decoded text and other accidents of encoding.

    Parameters
    ----------
    batch : TextBatch
    fix_encoding, restore_byte_a0, ..., uncurl_quotes
        The options of `ftfy.TextFixerConfig`, by their names there. Its normal form is not among
        them: that is what the edit `normalise` is for. Ligatures, character width and quotes are off
        here and on there: they change text that was decoded rightly, and the punctuation of Chinese.
    by : str or None
        The library the work was planned with, as `extras.named` says it.

    Returns
    -------
    Edited
        The texts of `ftfy.fix_text` with these options and no normal form. `lines_repaired` counts
        the lines of the input that changed.

    Raises
    ------
    ConfigError
        ftfy is missing, or of another version than planned with.

    Source
    ------
    Speer 2019, ftfy, https://ftfy.readthedocs.io.
    """
    config = {name: value for name, value in locals().items() if name not in {"batch", "by"}}
    ftfy = load("ftfy", expected=by)
    flagged, after_tag = lines_in_question(batch, config)
    first = ftfy.TextFixerConfig(**config, normalization=None, explain=False)
    later = first._replace(unescape_html=False) if unescape_html == "auto" else first
    lines = batch.lines
    repaired = np.zeros(batch.n, np.int64)
    fixed: list[str] = []
    in_question = np.flatnonzero(flagged)
    row_of = np.searchsorted(lines.offsets, in_question, side="right") - 1
    rows, firsts = np.unique(row_of, return_index=True)
    for row, chosen in zip(rows.tolist(), np.split(in_question, firsts[1:]), strict=False):
        text: str = batch.texts[row].as_py()
        begin = int(batch.offsets[row])
        pieces = []
        at = 0
        for line in chosen.tolist():
            start = int(lines.start[line]) - begin
            stop = min(int(lines.end[line]) - begin + 1, len(text))  # with its line feed
            before = text[start:stop]
            after = ftfy.fix_text(before, later if after_tag[line] else first)
            repaired[row] += before != after
            pieces += [text[at:start], after]
            at = stop
        if repaired[row]:
            fixed.append("".join([*pieces, text[at:]]))
    changed = repaired > 0
    texts = replaced(batch.texts, changed, pa.array(fixed, pa.large_string()))
    return Edited(texts, changes(batch.texts, texts, changed, lines_repaired=repaired))
