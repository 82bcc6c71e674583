"""Family perplexity@1: how surprising a document is to a language model; used under names of recipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from datagov.errors import ConfigError
from datagov.extras import named
from datagov.labels import code_of
from datagov.lm.model import libraries_of, load_lm
from datagov.rule import Params, RuleInfo, SignalFamily

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["PERPLEXITY", "measure", "prepare"]

MILLION: Final = 1_000_000
THOUSAND: Final = 1_000
LARGEST: Final = 12.0
"""Largest log10 of a perplexity that is told apart: its thousandths are exact in a float64."""
BUCKETS: Final = ("head", "middle", "tail")


def prepare(params: Params) -> Params:
    """Return the parameters with the libraries' versions filled in.

    Raises
    ------
    ConfigError
        The model cannot be loaded, or other versions are asked for than are here.
    """
    here = named(*libraries_of(load_lm(params["model"]).card))
    if params["library"] not in ("", here):
        raise ConfigError(f"library: {params['library']!r} is asked for, and {here} is installed.")
    return {**params, "library": here}


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of perplexity@1 for `batch`, all int64, NULL for a document without a token.

    `perplexity_thousandths`, and `thousand`; `surprise_millionths`, minus the sum of log10 probabilities, and
    `predicted_millions`, a million times the tokens and ends of sentences; `bucket`, a code of `datagov.labels`, NULL
    where the model's card has no buckets.
    """
    model = load_lm(params["model"])
    here = named(*libraries_of(model.card))
    if params["library"] not in ("", here):
        raise ConfigError(f"this was planned with {params['library']}, and this process has {here}.")
    found = model.scores(batch)
    empty = found.predicted == 0
    exponent = np.minimum(-found.log10 / np.maximum(found.predicted, 1), LARGEST)
    perplexity = np.power(10.0, exponent)
    buckets = model.card.buckets
    if buckets is None:
        bucket = pa.nulls(batch.n, pa.int64())
    else:
        # The published limits are for perplexities rounded to one decimal.
        which = np.digitize(np.round(perplexity, 1), [buckets.head, buckets.middle])
        bucket = pa.array(np.array([code_of(name) for name in BUCKETS], np.int64)[which], mask=empty)
    return pa.RecordBatch.from_pydict(
        {
            "perplexity_thousandths": pa.array(np.rint(perplexity * THOUSAND).astype(np.int64), mask=empty),
            "thousand": pa.array(np.full(batch.n, THOUSAND, np.int64)),
            "surprise_millionths": pa.array(np.rint(-found.log10 * MILLION).astype(np.int64), mask=empty),
            "predicted_millions": pa.array(found.predicted * MILLION),
            "bucket": bucket,
        }
    )


NULL_WHEN = "no token in the document"
KENLM = "KenLM (Heafield 2011), github.com/kpu/kenlm"

PERPLEXITY = SignalFamily(
    name="perplexity",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="perplexity",
            numerator="perplexity_thousandths",
            denominator="thousand",
            unit="thousandths over 1,000",
            formula=(
                "10 to the power of minus the sum of the log10 probabilities of all tokens and ends of sentences over "
                "their number; at most 10 to the 12th. What a token and a sentence is, the model's card says."
            ),
            value_range=(0.0, None),
            null_when=NULL_WHEN,
            source="cc_net (Wenzek et al. 2020, arXiv 1911.00359), cc_net/perplexity.py; " + KENLM,
            differs=(
                "cc_net rounds to one decimal. A limit means something for one model and its tokens alone: take it from "
                "the corpus at hand, `max: {quantile: 0.9}`."
            ),
        ),
        RuleInfo(
            name="log10_perplexity",
            numerator="surprise_millionths",
            denominator="predicted_millions",
            unit="log10, in millionths",
            formula="Minus the mean log10 probability of a token or end of a sentence.",
            value_range=(0.0, None),
            null_when=NULL_WHEN,
            source=KENLM,
        ),
        RuleInfo(
            name="bucket",
            numerator="bucket",
            denominator=None,
            unit="label",
            formula=(
                "`head`, `middle` or `tail`: the perplexity, rounded to one decimal, is below the card's first limit, "
                "below its second, or neither."
            ),
            value_range=(1.0, None),
            null_when="no token, or the card has no limits",
            source="cc_net, cc_net/perplexity.py PerplexityBucket and data/cutoff.csv, percentiles 30 and 60",
            differs="Limits belong to the published model that they were found with, and are never guessed.",
            is_label=True,
        ),
    ),
    defaults={"library": ""},
    required=("model",),
    files=("model",),
    prepare=prepare,
    labels=lambda _: BUCKETS,
)
"""`model`: the card of a language model. `library`: filled in, names and versions of what reads it."""
