"""Family classifier@1: how likely a document is of a class, as a trained classifier says; used under names of recipes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from datagov.classifiers.card import MILLION
from datagov.classifiers.model import load
from datagov.errors import ConfigError
from datagov.rule import Params, RuleInfo, SignalFamily

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["CLASSIFIER", "measure", "prepare"]


def prepare(params: Params) -> Params:
    """Return the parameters with the label spelled out, and the library that computes the scores.

    Raises
    ------
    ConfigError
        The model cannot be loaded, has no such label, or its library is of another version than asked for.
    """
    model = load(params["model"])
    if params["library"] not in ("", model.library):
        raise ConfigError(
            f"classifier {model.card.name!r}: {params['library']} is asked for, and this process has "
            f"{model.library or 'none'}: install one version everywhere."
        )
    return {**params, "label": model.label(str(params["label"])), "library": model.library}


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of classifier@1 for `batch`, int64, NULL for a text of nothing but white space.

    `score`, the probability of the label in millionths, and `millionths`, which is 1,000,000 everywhere.
    """
    known = prepare(params)
    found = load(known["model"]).scores(batch, known["label"])
    undefined = np.isnan(found)
    score = np.where(undefined, 0, found).astype(np.int64)
    return pa.RecordBatch.from_pydict(
        {
            "score": pa.array(score, mask=undefined),
            "millionths": pa.array(np.full(batch.n, MILLION), mask=undefined),
        }
    )


CLASSIFIER = SignalFamily(
    name="classifier",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="score",
            numerator="score",
            denominator="millionths",
            unit="probability, as millionths over 1,000,000",
            formula="The calibrated probability that the text is of the class `label`.",
            value_range=(0.0, 1.0),
            null_when="no character besides white space",
            source="our own; docs/classifiers.md says which published classifiers can be made so",
        ),
    ),
    defaults={"label": "", "library": ""},
    required=("model",),
    files=("model",),
    prepare=prepare,
)
