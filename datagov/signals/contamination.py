"""Family contamination@1: how much of a benchmark's items a document holds; used under names of recipes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from datagov.contamination.index import Index, build
from datagov.contamination.items import read_items
from datagov.contamination.overlap import COLUMNS, overlap
from datagov.contamination.presets import CHARACTERS_A_WORD, PRESETS
from datagov.errors import ConfigError, did_you_mean
from datagov.model_files import ModelFile
from datagov.rule import Params, RuleInfo, SignalFamily

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["CONTAMINATION", "locate", "measure", "prepare"]

MOST_UNITS = 1000


def prepare(params: Params) -> Params:
    """Return the parameters with the preset spelled out, and how many items are looked for and are not.

    Raises
    ------
    ConfigError
        There is no such preset; a length is no whole number; the file holds no item that is long enough.
    """
    name = params["preset"]
    if name not in PRESETS:
        raise ConfigError(f"there is no preset {name!r}. {did_you_mean(str(name), PRESETS)}")
    preset = PRESETS[name]
    lengths = {key: params[key] or getattr(preset, key) for key in ("n", "shortest")}
    for key, value in lengths.items():
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_UNITS:
            raise ConfigError(f"{key} must be a whole number of words from 1 to {MOST_UNITS}, not {value!r}.")
    fields = [params["fields"]] if isinstance(params["fields"], str) else list(params["fields"])
    resolved = {**params, **lengths, "fields": fields}
    index = index_of(resolved)
    if index.too_short == len(index.names):
        raise ConfigError(
            f"benchmark {params['benchmark'].path}: all of its {len(index.names)} items are shorter than {lengths['shortest']} words "
            f"({lengths['shortest'] * CHARACTERS_A_WORD} characters of Chinese); give a smaller `shortest`."
        )
    return {**resolved, "items": len(index.names), "items_too_short": index.too_short}


def index_of(params: Params) -> Index:
    """Return the index that the parameters name; read once a process."""
    return loaded(params["benchmark"], tuple(params["fields"]), params["id"], params["n"], params["shortest"])


@lru_cache(maxsize=8)
def loaded(file: ModelFile, fields: tuple[str, ...], id_field: str, n: int, shortest: int) -> Index:
    """Read a benchmark and index it, after a look whether the file is the one the recipe was read with."""
    file.check()
    return build(read_items(Path(file.path), fields, id_field), n=n, shortest=shortest)


def locate(batch: TextBatch, params: Params) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Return the columns of contamination@1 for `batch`, and the stretches by row and start.

    All columns are int64 and never NULL; a stretch has `row`, `rule`, `start`, `end` and, in `term`, the item's name.
    """
    index = index_of(params)
    found = overlap(batch, index)
    counts = pa.RecordBatch.from_pydict(
        {name: pa.array(np.ascontiguousarray(found.counts[:, at])) for at, name in enumerate(COLUMNS)}
    )
    first = batch.offsets[found.row]
    spans: dict[str, Any] = {
        "row": found.row,
        "rule": pa.array(["item"], pa.string()).take(pa.array(np.zeros(len(found.row), np.int64))),
        "start": found.start - first,
        "end": found.end - first,
        "term": pa.array([index.names[item] for item in found.item], pa.string()),
    }
    return counts, pa.RecordBatch.from_pydict(spans)


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of contamination@1 for `batch`, all int64 and never NULL."""
    return locate(batch, params)[0]


UNIT = (
    "Units are words, or characters of Han, kana, Thai, Lao, Khmer and Myanmar, without regard to case, width, punctuation "
    "and line breaks. "
)
NONE_FOUND = "Where no n-gram is found it is 0 of 1. "

CONTAMINATION = SignalFamily(
    name="contamination",
    version=1,
    measure=measure,
    locate=locate,
    rules=(
        RuleInfo(
            name="ngram_count",
            numerator="ngrams",
            denominator=None,
            unit="n-grams",
            formula=UNIT + "Places of the document at which an n-gram of an item stands.",
            value_range=(0.0, None),
            null_when="never",
            source=PRESETS["gpt-3"].source,
            differs="GPT-3 passes over n-grams that are found in more than ten documents.",
        ),
        RuleInfo(
            name="unit_fraction",
            numerator="covered_units",
            denominator="units",
            unit="units over units",
            formula=UNIT + "The document's units that lie in an n-gram of an item, over all of its units.",
            value_range=(0.0, 1.0),
            null_when="no unit: no letter and no number",
            source="our own",
        ),
        RuleInfo(
            name="item_count",
            numerator="items",
            denominator=None,
            unit="items",
            formula="Different items of which an n-gram stands in the document.",
            value_range=(0.0, None),
            null_when="never",
            source="our own",
        ),
        RuleInfo(
            name="item_ngram_fraction",
            numerator="item_ngrams_found",
            denominator="item_ngrams",
            unit="n-grams over n-grams",
            formula=UNIT
            + "Of the item of which most is found so: its n-grams that stand in the document, over all of its n-grams. "
            + NONE_FOUND.strip(),
            value_range=(0.0, 1.0),
            null_when="never",
            source=PRESETS["palm"].source,
            differs="PaLM asks of an item whether its n-grams are found anywhere in the corpus; this asks of one document.",
        ),
        RuleInfo(
            name="item_unit_fraction",
            numerator="item_units_found",
            denominator="item_units",
            unit="units over units",
            formula=UNIT
            + "Of the item of which most is found so: its units that lie in n-grams that stand in the document, over all of "
            "its units. " + NONE_FOUND.strip().strip(),
            value_range=(0.0, 1.0),
            null_when="never",
            source=PRESETS["llama-3"].source,
            differs="Llama 3 asks of an item over the whole corpus, in tokens of its tokenizer.",
        ),
    ),
    defaults={"fields": [], "id": "", "preset": "gpt-3", "n": 0, "shortest": 0},
    required=("benchmark",),
    files=("benchmark",),
    prepare=prepare,
)
