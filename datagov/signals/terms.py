"""Family terms@1: terms of a lexicon in a document, in all and by category; used under names of recipes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.lexicons.lexicon import CATEGORIES, THOUSAND, record_of_terms
from datagov.lexicons.matcher import checked_foldings, lexicon_of, load
from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.text.folding import FOLDINGS

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["MOST_SPANS", "TERMS", "locate", "measure", "prepare"]

MOST_SPANS: Final = 1000
"""Most spans of one document that are told; all are counted."""


def prepare(params: Params) -> Params:
    """Return the parameters with the foldings in their order, and with what each term id means.

    Raises
    ------
    ConfigError
        The file is no lexicon, or a folding is unknown.
    """
    foldings = checked_foldings(params["foldings"])
    load(params["lexicon"], foldings)
    lexicon = lexicon_of(params["lexicon"])
    named = {"name": lexicon.name, "version": lexicon.version, "digest": lexicon.digest}
    return {**params, "foldings": foldings, "of": named, "terms": record_of_terms(lexicon)}


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of terms@1 for `batch`, int64 and never NULL: see `locate`."""
    return locate(batch, params)[0]


def locate(batch: TextBatch, params: Params) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Find the terms, and return counts and spans.

    Returns
    -------
    RecordBatch of N rows
        For all terms, and for those of each category with its name before: `terms` found, `distinct_terms` among them,
        `term_chars` they cover and their `weight` together in thousandths; and `chars`, and `thousand` everywhere.
    RecordBatch
        `row`, `rule` (the category), `start`, `end` (code points of the document) and `term` (its id) of what was
        found, in order; of each document the first MOST_SPANS.
    """
    matcher = load(params["lexicon"], tuple(params["foldings"]))
    found = matcher.find(batch)
    row = np.repeat(np.arange(batch.n), np.diff(found.offsets))
    category = matcher.category[found.term]
    distinct = np.unique(row * len(matcher.ids) + found.term)
    columns: dict[str, npt.NDArray[np.int64]] = {}

    def per_document(
        name: str, rows: npt.NDArray[np.int64], kind: npt.NDArray[np.int64], amount: Any
    ) -> None:
        """Add up an amount of each hit by document and category, and over categories."""
        place = rows * len(CATEGORIES) + kind
        summed = np.zeros(batch.n * len(CATEGORIES), np.int64)
        np.add.at(summed, place, amount)
        by_category = summed.reshape(batch.n, len(CATEGORIES))
        columns[name] = by_category.sum(axis=1)
        for at, prefix in enumerate(CATEGORIES):
            columns[f"{prefix}_{name}"] = np.ascontiguousarray(by_category[:, at])

    per_document("terms", row, category, 1)
    per_document(
        "distinct_terms", distinct // len(matcher.ids), matcher.category[distinct % len(matcher.ids)], 1
    )
    per_document("term_chars", row, category, found.end - found.start)
    per_document("weight", row, category, matcher.weight[found.term])
    columns["chars"] = batch.chars
    columns["thousand"] = np.full(batch.n, THOUSAND)
    told = np.arange(len(row)) - found.offsets[row] < MOST_SPANS
    first = batch.offsets[row[told]]
    spans = pa.RecordBatch.from_pydict(
        {
            "row": pa.array(row[told]),
            "rule": pa.array(list(CATEGORIES), pa.string()).take(pa.array(category[told])),
            "start": pa.array(found.start[told] - first),
            "end": pa.array(found.end[told] - first),
            "term": matcher.ids.take(pa.array(found.term[told])),
        }
    )
    return pa.RecordBatch.from_pydict({name: pa.array(column) for name, column in columns.items()}), spans


SOURCE = "our own; docs/safety.md says what lexicons found in labelled texts"


def rules() -> Iterator[RuleInfo]:
    """Yield the rules of all terms, then of each category."""
    for prefix in ("", *(f"{name}_" for name in CATEGORIES)):
        which = f"Terms of the category `{prefix[:-1]}`" if prefix else "Terms of the lexicon"
        yield RuleInfo(
            name=f"{prefix}term_count",
            numerator=f"{prefix}terms",
            denominator=None,
            unit="terms",
            formula=f"{which} found in the text: leftmost, longest, not overlapping.",
            value_range=(0.0, None),
            null_when="never",
            source=SOURCE,
        )
        yield RuleInfo(
            name=f"{prefix}distinct_term_count",
            numerator=f"{prefix}distinct_terms",
            denominator=None,
            unit="different terms",
            formula=f"{which} found in the text, each counted once.",
            value_range=(0.0, None),
            null_when="never",
            source=SOURCE,
        )
        yield RuleInfo(
            name=f"{prefix}term_char_fraction",
            numerator=f"{prefix}term_chars",
            denominator="chars",
            unit="characters over characters",
            formula=f"Characters covered by t{which[1:]}, over all characters.",
            value_range=(0.0, 1.0),
            null_when="empty text",
            source=SOURCE,
        )
        yield RuleInfo(
            name=f"{prefix}term_weight",
            numerator=f"{prefix}weight",
            denominator="thousand",
            unit="sum of weights, as thousandths over 1,000",
            formula=f"{which} found in the text, each occurrence with its weight.",
            value_range=(0.0, None),
            null_when="never",
            source=SOURCE,
        )


TERMS = SignalFamily(
    name="terms",
    version=1,
    measure=measure,
    locate=locate,
    rules=tuple(rules()),
    defaults={"foldings": tuple(FOLDINGS)},
    required=("lexicon",),
    files=("lexicon",),
    prepare=prepare,
)
