"""Unicode character data as arrays that kernels can index.

Every code point has one class (a byte). Two code points share a class when all attributes below
are equal, so that a kernel looks up one byte a character and reads attributes from arrays of at
most 256 entries. The data is `unicode_tables.npz`, written by `python -m datagov.text.build_tables`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "BREAKS",
    "FILE",
    "KINDS",
    "LOWER_LIMIT",
    "NORMAL_FORMS",
    "SCRIPTS",
    "SCRIPT_NONE",
    "UnicodeTables",
    "break_index",
    "kind_index",
    "script_index",
    "unicode_tables",
]

FILE: Final = "unicode_tables.npz"

KINDS: Final = (
    "other",  # unassigned, private use, surrogate
    "letter",  # L*
    "mark",  # M*
    "number",  # N*
    "punctuation",  # P*
    "symbol",  # S*
    "space",  # White_Space: Z* and the controls \t \n \v \f \r U+0085
    "control",  # Cc that are not White_Space
    "format",  # Cf
)
"""General kinds of characters; `kind` of a class indexes this."""

SCRIPTS: Final = (
    "han",
    "kana",  # Hiragana and Katakana, with the marks common to both (U+30FC and its kin)
    "hangul",
    "bopomofo",
    "latin",
    "cyrillic",
    "greek",
    "arabic",
    "hebrew",
    "thai",
    "lao",
    "khmer",
    "myanmar",
    "tibetan",
    "devanagari",
    "bengali",
    "gurmukhi",
    "gujarati",
    "oriya",
    "tamil",
    "telugu",
    "kannada",
    "malayalam",
    "sinhala",
    "armenian",
    "georgian",
    "ethiopic",
    "mongolian",
    "other",  # any other script, and letters that belong to no one script (Common, Inherited)
)
"""Scripts by name; columns of `TextBatch.script_counts`; `script` of a class indexes this."""

SCRIPT_NONE: Final = len(SCRIPTS)
"""`script` of characters that are not letters and belong to no one script."""

BREAKS: Final = (
    "other",
    "cr",
    "lf",
    "newline",
    "extend",
    "zwj",
    "format",
    "regional_indicator",
    "katakana",
    "hebrew_letter",
    "aletter",
    "single_quote",
    "double_quote",
    "mid_num_let",
    "mid_letter",
    "mid_num",
    "numeric",
    "extend_num_let",
    "wsegspace",
)
"""Values of the Word_Break property (UAX #29, table 3); `word_break` of a class indexes this."""

NORMAL_FORMS: Final = ("NFC", "NFKC", "NFD", "NFKD")
"""Bit i of `quick_check` is set where form i's Quick_Check property is not Yes."""

LOWER_LIMIT: Final = 0x20000
"""No code point from here on has a lower-case mapping."""


def break_index(name: str) -> int:
    """Return the index of a Word_Break value in `BREAKS`."""
    return BREAKS.index(name)


def kind_index(name: str) -> int:
    """Return the index of a kind in `KINDS`."""
    return KINDS.index(name)


def script_index(name: str) -> int:
    """Return the index of a script in `SCRIPTS`."""
    return SCRIPTS.index(name)


@dataclass(frozen=True)
class UnicodeTables:
    """Character data of one Unicode version. K is the number of classes, at most 256."""

    version: str
    """Unicode version of everything here, e.g. `18.0.0`."""
    class_of: npt.NDArray[np.uint8]
    """uint8[0x110000]: class of a code point."""
    kind: npt.NDArray[np.uint8]
    """uint8[256]: index into `KINDS`."""
    script: npt.NDArray[np.uint8]
    """uint8[256]: index into `SCRIPTS`, or `SCRIPT_NONE`."""
    word_break: npt.NDArray[np.uint8]
    """uint8[256]: index into `BREAKS`."""
    pictographic: npt.NDArray[np.uint8]
    """uint8[256]: 1 where Extended_Pictographic."""
    lower: npt.NDArray[np.uint32]
    """uint32[LOWER_LIMIT]: simple lower-case mapping; a character without one maps to itself."""
    quick_check: npt.NDArray[np.uint8]
    """uint8[0x110000]: see `NORMAL_FORMS`."""
    combining: npt.NDArray[np.uint8]
    """uint8[0x110000]: canonical combining class."""


def _spread(stored: Any, name: str) -> npt.NDArray[np.uint8]:
    """Spell out a table stored as runs of equal values."""
    starts = np.append(stored[f"{name}_starts"], 0x110000)
    return np.repeat(stored[f"{name}_values"], np.diff(starts)).astype(np.uint8)


def _padded(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Give an attribute array 256 entries, so that no class byte can index past its end."""
    padded = np.zeros(256, dtype=np.uint8)
    padded[: len(values)] = values
    return padded


@cache
def unicode_tables() -> UnicodeTables:
    """Load the shipped tables, once a process. All arrays are read-only.

    Source
    ------
    Unicode Character Database of the version named in the result, read through the `regex` package.
    """
    with (files("datagov.text") / FILE).open("rb") as handle, np.load(handle) as stored:
        lower = np.arange(LOWER_LIMIT, dtype=np.uint32)
        lower[stored["lower_from"]] = stored["lower_to"]
        tables = UnicodeTables(
            version=str(stored["version"]),
            class_of=_spread(stored, "class_of"),
            kind=_padded(stored["kind"]),
            script=_padded(stored["script"]),
            word_break=_padded(stored["word_break"]),
            pictographic=_padded(stored["pictographic"]),
            lower=lower,
            quick_check=_spread(stored, "quick_check"),
            combining=_spread(stored, "combining"),
        )
    for array in vars(tables).values():
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    return tables
