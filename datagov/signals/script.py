"""Family script@1: which writing system a document is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.text.tables import SCRIPTS

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = [
    "LATIN_LETTERS_PER_LETTER",
    "NO_SCRIPT",
    "SCRIPT",
    "SCRIPT_NAMES",
    "measure",
    "script",
    "script_of_letters",
]

LATIN_LETTERS_PER_LETTER = {"han": 3, "kana": 3, "hangul": 3}
"""How many Latin letters one letter of a script weighs when the scripts of a text are compared; 1
where not named. Three is what such a character takes in UTF-8, and about what a Chinese sentence
saves against its English translation."""

NO_SCRIPT = "none"
"""Script of a text without letters."""

SCRIPT_NAMES = (*SCRIPTS, NO_SCRIPT)
"""The values of `script`, and of a recipe's `when`."""


def script(batch: TextBatch) -> pa.StringArray:
    """Return the script of each document: one of `SCRIPTS`, or `none` where there is no letter.

    The script with the largest weighted number of letters (`LATIN_LETTERS_PER_LETTER`); of equals the
    one named first in `SCRIPTS`. No NULLs. These are the values of a recipe's `when`.
    """
    return script_of_letters(np.asarray(batch.script_counts, np.int64))


def script_of_letters(letters: npt.NDArray[np.int64]) -> pa.StringArray:
    """Return the script of documents from their letters, int64[N, S] by script of `SCRIPTS`.

    So that what was measured decides, without the text; see `script`.
    """
    weights = np.array([LATIN_LETTERS_PER_LETTER.get(name, 1) for name in SCRIPTS], np.int64)
    which = np.argmax(letters * weights, axis=1)
    which[letters.sum(axis=1) == 0] = len(SCRIPTS)
    return pa.array(SCRIPT_NAMES, pa.string()).take(pa.array(which))


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:  # noqa: ARG001
    """Return the columns of script@1 for `batch`, all int64 and never NULL, one row a document.

    `letters`, and `{script}_letters` for each of `SCRIPTS`; they add up to `letters`.
    """
    letters = np.asarray(batch.script_counts, np.int64)
    columns = {"letters": pa.array(letters.sum(axis=1))}
    for at, name in enumerate(SCRIPTS):
        columns[f"{name}_letters"] = pa.array(np.ascontiguousarray(letters[:, at]))
    return pa.RecordBatch.from_pydict(columns)


def letter_fraction(name: str) -> RuleInfo:
    """Return the rule on the share of one script."""
    return RuleInfo(
        name=f"{name}_letter_fraction",
        numerator=f"{name}_letters",
        denominator="letters",
        unit="letters over letters",
        formula=f"Letters of script {name} over all letters; every letter weighs the same here.",
        value_range=(0.0, 1.0),
        null_when="no letter",
        source="Unicode Standard Annex #24, Script property; letters are general category L*",
        differs=(
            "Public pipelines count a script's share over all characters, or over bytes; this one leaves "
            "digits, punctuation and spaces out."
        ),
    )


SCRIPT = SignalFamily(
    name="script",
    version=1,
    measure=measure,
    rules=tuple(letter_fraction(name) for name in SCRIPTS),
)
