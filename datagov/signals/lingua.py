"""Family lingua@1: the language of a document as lingua finds it, slower than `language` and surer of short texts."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.errors import ConfigError, did_you_mean
from datagov.extras import load, named
from datagov.labels import code_of
from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.signals.entropy import MICRO

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["LINGUA", "labels", "measure", "prepared"]

LIBRARY: Final = "lingua-language-detector"
MAX_CHARS: Final = 2000
FEWEST: Final = 2
"""A choice of one language is none."""


@cache
def known() -> dict[str, Any]:
    """Return code of ISO 639-1 in lower case -> the library's language, in the order of codes."""
    languages = load(LIBRARY, expected=None).Language.all()
    return dict(sorted((language.iso_code_639_1.name.lower(), language) for language in languages))


def prepared(params: Params) -> Params:
    """Return the parameters with languages in order and the library's version.

    Raises
    ------
    ConfigError
        A language is unknown or the only one; a number is not a whole one above 0; the library is not installed, or of
        another version than asked for.
    """
    here, most, asked = named(LIBRARY), params["max_chars"], params["languages"]
    if params["library"] not in ("", here):
        raise ConfigError(f"library: {params['library']!r} is asked for, and {here} is installed.")
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise ConfigError(f"max_chars must be a whole number above 0, not {most!r}.")
    if not isinstance(asked, list | tuple):
        raise ConfigError(f"languages must be a list of codes of ISO 639-1, not {asked!r}.")
    for code in asked:
        if code not in known():
            raise ConfigError(f"languages: lingua knows no {code!r}. {did_you_mean(str(code), known())}")
    chosen = sorted(set(asked))
    if asked and len(chosen) < FEWEST:
        raise ConfigError("languages: name two or more to choose from, or none for all that lingua knows.")
    return {"languages": chosen, "max_chars": most, "library": here}


def labels(params: Params) -> tuple[str, ...]:
    """Return the codes that a label can be."""
    return tuple(params["languages"] or known())


@cache
def detector(languages: tuple[str, ...]) -> Any:
    """Return the library's detector of some languages; models of a language are loaded when a text needs them."""
    builder = load(LIBRARY, expected=None).LanguageDetectorBuilder
    chosen = [known()[code] for code in languages]
    return (builder.from_languages(*chosen) if chosen else builder.from_all_languages()).build()


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of lingua@1 for `batch`, all int64, one row a document.

    `label`, a code of `datagov.labels`, and `score_millionths`, both NULL where no language is found;
    `million`, never NULL.
    """
    load(LIBRARY, expected=params["library"] or None)
    found = detector(tuple(params["languages"]))
    codes = {language: code_of(code) for code, language in known().items()}
    label, score = np.zeros(batch.n, np.int64), np.zeros(batch.n, np.float64)
    heads = pc.utf8_slice_codeunits(batch.texts, 0, params["max_chars"]).to_pylist()
    for row, text in enumerate(heads):
        best = max(
            found.compute_language_confidence_values(text),
            key=lambda each: (each.value, codes[each.language]),
        )
        label[row], score[row] = codes[best.language], best.value
    undefined = score <= 0
    return pa.RecordBatch.from_pydict(
        {
            "label": pa.array(label, mask=undefined),
            "score_millionths": pa.array(np.floor(score * MICRO + 0.5).astype(np.int64), mask=undefined),
            "million": pa.array(np.full(batch.n, MICRO, np.int64)),
        }
    )


NULL_WHEN = "nothing in the part looked at that belongs to a language, such as a text without letters"
SOURCE = (
    "lingua (Stahl), github.com/pemistahl/lingua-rs: n-grams of one to five letters, and rules on alphabets"
)

LINGUA = SignalFamily(
    name="lingua",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="lingua_language",
            numerator="label",
            denominator=None,
            unit="label",
            formula=(
                "The language that lingua finds most probable among `languages` for the first `max_chars` code points: a "
                "code of ISO 639-1, `zh` for Chinese."
            ),
            value_range=(1.0, None),
            null_when=NULL_WHEN,
            source=SOURCE,
            is_label=True,
        ),
        RuleInfo(
            name="lingua_language_score",
            numerator="score_millionths",
            denominator="million",
            unit="probability, in millionths",
            formula=(
                "Probability of `lingua_language` among `languages`, which add up to 1; 1 where an alphabet of its own "
                "decides. A score says nothing without its label."
            ),
            value_range=(0.0, 1.0),
            null_when=NULL_WHEN,
            source=SOURCE,
        ),
    ),
    defaults={"languages": [], "max_chars": MAX_CHARS, "library": ""},
    prepare=prepared,
    labels=labels,
)
"""`languages`: codes to choose from, all 75 where none is named. `max_chars`: most code points of a document looked at.
`library`: filled in, the name and version of lingua."""
