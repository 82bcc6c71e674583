"""The edit `width`: full-width letters and digits to ASCII, half-width katakana to full width.

NFKC would do this and much more: it turns the punctuation of Chinese (，：；？！（）) into ASCII,
`10³` into `103` and `℃` into `°C`. This edit changes what `TABLE` lists and nothing else.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from datagov.edits.edited import Edited, changes, replaced
from datagov.errors import ConfigError, did_you_mean
from datagov.text.kernel import kernel
from datagov.text.utf8 import encode_rows

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["COUNTS", "DEFAULT_FORMS", "TABLE", "apply"]

COUNTS = ("chars_mapped",)


def _ascii(characters: str) -> Mapping[str, str]:
    """Full-width form -> ASCII character, for some ASCII characters."""
    return MappingProxyType({chr(ord(character) + 0xFEE0): character for character in characters})


def _folded(first: int, last: int) -> Mapping[str, str]:
    """Character -> its compatibility form, for a range of code points."""
    return MappingProxyType(
        {chr(at): unicodedata.normalize("NFKC", chr(at)) for at in range(first, last + 1)}
    )


TABLE: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "letters": _ascii("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
        "digits": _ascii("0123456789"),
        "signs": _ascii("\"#$%&'*+-/<=>@\\^_`|~"),
        "punctuation": _ascii("!(),.:;?[]{}"),
        "space": MappingProxyType({"\u3000": " "}),
        "katakana": _folded(0xFF61, 0xFF9D),
    }
)
"""Name of a form -> character -> what takes its place.

letters, digits
    Latin text typed at full width; the same word as its ASCII form to every reader.
katakana
    Half-width katakana and the half-width marks `｡｢｣､･`, relics of one-byte encodings. A voiced sound
    mark after a letter that takes one joins it: ｶﾞ becomes ガ.
signs
    Off by default: ～ and ／ are also written as punctuation in Chinese.
punctuation
    Off by default: these are the punctuation of Chinese text, by which its sentences are told.
space
    Off by default: U+3000 indents the paragraphs of Chinese text.

Source
------
Unicode Standard, block Halfwidth and Fullwidth Forms (U+FF00 to U+FFEF). The released MAP-CC scripts
also map quotes and the ideographic full stop, which then ends what looks like a domain name; no form
here does.
"""

DEFAULT_FORMS: Final = ("letters", "digits", "katakana")

VOICED: Final = 0xFF9E
SEMI_VOICED: Final = 0xFF9F
LIMIT: Final = 0x10000


@lru_cache(maxsize=16)
def _tables(
    forms: tuple[str, ...],
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Map of each character (uint32[LIMIT]; itself if nothing), and of each before a voiced sound mark.

    The other two arrays, one a mark, hold 0 where a letter does not take the mark.
    """
    alone = np.arange(LIMIT, dtype=np.uint32)
    voiced, semi_voiced = np.zeros(LIMIT, np.uint32), np.zeros(LIMIT, np.uint32)
    for form in forms:
        for character, other in TABLE[form].items():
            alone[ord(character)] = ord(other)
            if form != "katakana":
                continue
            for mark, table in ((VOICED, voiced), (SEMI_VOICED, semi_voiced)):
                joined = unicodedata.normalize("NFKC", character + chr(mark))
                table[ord(character)] = ord(joined) if len(joined) == 1 else 0
    if "katakana" in forms:  # marks by themselves: the spacing forms, not NFKC's combining ones
        alone[VOICED], alone[SEMI_VOICED] = 0x309B, 0x309C
    return alone, voiced, semi_voiced


@kernel
def _count(
    points: npt.NDArray[np.uint32], offsets: npt.NDArray[np.int64], alone: npt.NDArray[np.uint32]
) -> npt.NDArray[np.int64]:
    """int64[N]: characters of each row that the table maps."""
    counts = np.zeros(offsets.shape[0] - 1, np.int64)
    for row in range(offsets.shape[0] - 1):
        count = 0
        for point in points[offsets[row] : offsets[row + 1]]:
            count += point < LIMIT and alone[point] != point
        counts[row] = count
    return counts


@kernel
def _map(
    points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    alone: npt.NDArray[np.uint32],
    voiced: npt.NDArray[np.uint32],
    semi_voiced: npt.NDArray[np.uint32],
    out: npt.NDArray[np.uint32],
    new_offsets: npt.NDArray[np.int64],
) -> None:
    """Write the mapped characters of the chosen rows, end to end."""
    to = 0
    for at_row in range(rows.shape[0]):
        at, end = offsets[rows[at_row]], offsets[rows[at_row] + 1]
        while at < end:
            point = points[at]
            at += 1
            if point < LIMIT:
                joined = np.uint32(0)
                if at < end and points[at] == VOICED:
                    joined = voiced[point]
                elif at < end and points[at] == SEMI_VOICED:
                    joined = semi_voiced[point]
                at += joined != 0
                point = joined if joined != 0 else alone[point]
            out[to] = point
            to += 1
        new_offsets[at_row + 1] = to


def apply(batch: TextBatch, *, forms: Sequence[str] = DEFAULT_FORMS) -> Edited:
    """Bring characters of some full-width and half-width forms to their usual width.

    Parameters
    ----------
    batch : TextBatch
    forms : sequence of str
        Names of `TABLE`.

    Returns
    -------
    Edited
        Applying the edit to its texts again changes nothing. `chars_mapped` counts characters of the
        input that were mapped, a voiced sound mark that was joined to its letter included.

    Raises
    ------
    ConfigError
        There is no such form.
    """
    for form in forms:
        if form not in TABLE:
            raise ConfigError(f"width: there is no form {form!r}. {did_you_mean(form, TABLE)}")
    alone, voiced, semi_voiced = _tables(tuple(forms))
    points, offsets = batch.code_points, batch.offsets
    mapped = _count(points, offsets, alone)
    changed = mapped > 0
    rows = np.flatnonzero(changed)
    out = np.empty(int(batch.chars[rows].sum()), np.uint32)
    new_offsets = np.zeros(len(rows) + 1, np.int64)
    _map(points, offsets, rows, alone, voiced, semi_voiced, out, new_offsets)
    texts = replaced(batch.texts, changed, encode_rows(out[: int(new_offsets[-1])], new_offsets))
    return Edited(texts, changes(batch.texts, texts, changed, chars_mapped=mapped))
