"""What two ways of writing a term have in common, as declared foldings of single characters.

A folded text is compared, never kept: a match is told in positions of the text as it was written. `case`, `width`,
`zero_width` and `traditional` are one table from code point to code point; what repetitions and homophones mean
is `datagov.text.terms`' to say, as it depends on the neighbours of a character and on the term.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.text.tables import LOWER_LIMIT, SCRIPTS, kind_index, unicode_tables

__all__ = [
    "DROPPED",
    "FOLDINGS",
    "IGNORABLE",
    "POINTS",
    "UNSPACED",
    "fold_table",
    "folded",
    "in_words",
    "letters",
]

FOLDINGS: Final = {
    "case": "upper case counts as lower case",
    "width": "full-width ASCII (U+FF01 to U+FF5E) counts as ASCII, U+3000 as a space",
    "zero_width": "characters that Unicode says may be ignored where they cannot be shown (Default_Ignorable_Code_Point: "
    "zero-width spaces and joiners, soft hyphens, variation selectors, direction marks) count as not there",
    "traditional": "a traditional character counts as the simplified one that the lexicon lists for it",
    "repeats": "a letter that stands three times or more in a row also counts as one or as two of it",
    "homophones": "in terms of three Han characters or more, a character counts as any of its group of common stand-ins",
}
"""Name -> what it takes for the same."""

POINTS: Final = 0x110000
DROPPED: Final = 0xFFFFFFFF
"""What a character that counts as not there is folded to."""

IGNORABLE: Final = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
"""First and last code points of Default_Ignorable_Code_Point (Unicode Character Database, DerivedCoreProperties)."""

UNSPACED: Final = frozenset(
    {"han", "kana", "hangul", "bopomofo", "thai", "lao", "khmer", "myanmar", "tibetan"}
)
"""Scripts in which words are not set apart by spaces, or (hangul) grow particles at their ends: no boundary is
asked for beside their letters."""


def fold_table(foldings: Collection[str], traditional: str = "") -> npt.NDArray[np.uint32]:
    """Return uint32[POINTS]: what each code point counts as, or DROPPED.

    Parameters
    ----------
    foldings : collection of str
        Names of `FOLDINGS`; those that are not of single characters are passed over.
    traditional : str
        Pairs of a traditional and a simplified character, end to end.
    """
    table = np.arange(POINTS, dtype=np.uint32)
    if "width" in foldings:
        table[0xFF01:0xFF5F] -= np.uint32(0xFEE0)
        table[0x3000] = 0x20
    if "case" in foldings:
        mapped = table < LOWER_LIMIT
        table[mapped] = unicode_tables().lower[table[mapped]]
    if "traditional" in foldings:
        for written, simplified in zip(traditional[::2], traditional[1::2], strict=True):
            table[ord(written)] = ord(simplified)
    if "zero_width" in foldings:
        for first, last in IGNORABLE:
            table[first : last + 1] = DROPPED
    return table


def folded(text: str, table: npt.NDArray[np.uint32]) -> tuple[int, ...]:
    """Return the code points that a text counts as."""
    points = table[np.array([ord(character) for character in text], np.uint32)]
    return tuple(int(point) for point in points[points != DROPPED])


def in_words(points: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Tell which code points are letters, marks or numbers of scripts that are written with spaces."""
    tables = unicode_tables()
    kinds = np.isin(tables.kind, [kind_index(name) for name in ("letter", "mark", "number")])
    unspaced = np.isin(tables.script, [SCRIPTS.index(name) for name in UNSPACED])
    return (kinds & ~unspaced)[tables.class_of[points]]


def letters(points: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Tell which code points are letters of any script."""
    tables = unicode_tables()
    return (tables.kind == kind_index("letter"))[tables.class_of[points]]
