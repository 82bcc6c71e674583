"""Family pii@1: how many stretches of personal data a document holds, by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from datagov.errors import ConfigError
from datagov.extras import named
from datagov.pii.checks import check_regions
from datagov.pii.find import find
from datagov.pii.kinds import KINDS, NAMES, chosen_kinds, libraries_of
from datagov.rule import Params, RuleInfo, SignalFamily

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["PII", "locate", "measure", "prepare"]


def prepare(params: Params) -> Params:
    """Return the parameters with kinds and regions in order, and the versions of the libraries these need.

    Raises
    ------
    ConfigError
        A kind or region is unknown, a library is missing, or another version of one is asked for.
    """
    kinds = chosen_kinds(params["kinds"])
    by = named(*libraries_of(kinds)) or None
    if params["by"] not in (None, by):
        raise ConfigError(
            f"{params['by']!r} is asked for, and this process has {by!r}: install that version."
        )
    return {"kinds": [kind.name for kind in kinds], "regions": check_regions(params["regions"]), "by": by}


def locate(batch: TextBatch, params: Params) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Return the columns of pii@1 for `batch`, and the stretches by row and start.

    Columns are int64: `found`, never NULL, and one a kind, NULL for kinds not looked for. A stretch has `row`, `rule` (its
    kind), `start`, `end` (code points of the document) and `term`, which is NULL.
    """
    found = find(batch, kinds=params["kinds"], regions=params["regions"], by=params["by"])
    cells = np.bincount(found.row * len(NAMES) + found.kind, minlength=batch.n * len(NAMES))
    counts = cells.reshape(batch.n, len(NAMES)).astype(np.int64)
    columns = {"found": pa.array(counts.sum(axis=1))}
    for at, name in enumerate(NAMES):
        looked_for = name in params["kinds"]
        columns[name] = (
            pa.array(np.ascontiguousarray(counts[:, at])) if looked_for else pa.nulls(batch.n, pa.int64())
        )
    first = batch.offsets[found.row]
    spans = {
        "row": pa.array(found.row),
        "rule": pa.array(NAMES, pa.string()).take(pa.array(found.kind)),
        "start": pa.array(found.start - first),
        "end": pa.array(found.end - first),
        "term": pa.nulls(len(found.row), pa.string()),
    }
    return pa.RecordBatch.from_pydict(columns), pa.RecordBatch.from_pydict(spans)


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of pii@1 for `batch`."""
    return locate(batch, params)[0]


PII = SignalFamily(
    name="pii",
    version=1,
    measure=measure,
    locate=locate,
    rules=(
        RuleInfo(
            name="pii_count",
            numerator="found",
            denominator=None,
            unit="stretches",
            formula="Stretches of personal data of all the `kinds` that are looked for.",
            value_range=(0.0, None),
            null_when="never",
            source="Dolma (Soldaini et al. 2024, arXiv 2402.00159), section on personal data, which masks up to five and "
            "drops documents with more",
            differs="Dolma looks for e-mail addresses, IP addresses and telephone numbers of the United States.",
        ),
        *(
            RuleInfo(
                name=f"pii_{kind.name}_count",
                numerator=kind.name,
                denominator=None,
                unit="stretches",
                formula=f"Stretches that are {kind.what}.",
                value_range=(0.0, None),
                null_when="the kind is not among `kinds`",
                source=kind.source,
            )
            for kind in KINDS
        ),
    ),
    defaults={"kinds": list(NAMES), "regions": [], "by": None},
    prepare=prepare,
)
