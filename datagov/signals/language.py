"""Family language@1: the language of a document, with the score of that answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from datagov.labels import code_of
from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.signals.entropy import MICRO
from datagov.signals.langid import beginnings, classify
from datagov.signals.langid_model import labels, language_model, prepared

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["LANGUAGE", "measure"]

MAX_CHARS: Final = 2000


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of language@1 for `batch`, all int64, one row a document.

    `label`, a code of `datagov.labels`, and its probability `score_millionths`, both NULL where the model
    finds nothing it knows; `million`, never NULL.
    """
    model = language_model(params["library"])
    most = int(params["max_chars"])
    best, share = classify(*beginnings(batch.code_points, batch.offsets, most), model)
    undefined = best < 0
    codes = np.array([code_of(name) for name in model.labels], np.int64)
    millionths = np.floor(np.where(undefined, 0.0, share) * MICRO + 0.5).astype(np.int64)
    return pa.RecordBatch.from_pydict(
        {
            "label": pa.array(codes[np.maximum(best, 0)], mask=undefined),
            "score_millionths": pa.array(millionths, mask=undefined),
            "million": pa.array(np.full(batch.n, MICRO, np.int64)),
        }
    )


NULL_WHEN = "nothing in the part looked at that the model knows, such as a text without letters"
SOURCE = "py3langid (Barbaresi 2021), github.com/adbar/py3langid, after langid.py (Lui and Baldwin 2012)"

LANGUAGE = SignalFamily(
    name="language",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="language",
            numerator="label",
            denominator=None,
            unit="label",
            formula=(
                "The language that py3langid finds most probable for the first `max_chars` code points: a code of "
                "ISO 639, `zh` for Mandarin, and `zxx` for what is no language."
            ),
            value_range=(1.0, None),
            null_when=NULL_WHEN,
            source=SOURCE,
            differs=(
                "The library calls a text in which it knows nothing Serbian. Short Chinese text is often taken for "
                "`wuu` or `yue`: name them beside `zh` where they are wanted too."
            ),
            is_label=True,
        ),
        RuleInfo(
            name="language_score",
            numerator="score_millionths",
            denominator="million",
            unit="probability, in millionths",
            formula=(
                "Probability of `language` among all the languages of the model, damped by the square root of the "
                "bytes looked at. A score says nothing without its label."
            ),
            value_range=(0.0, 1.0),
            null_when=NULL_WHEN,
            source=SOURCE,
            differs=(
                "MAP-CC, cc_net and ROOTS bound the score of fastText's lid.176, FineWeb2 that of GlotLID: their limits "
                "mean nothing here. MAP-CC never looks at the label."
            ),
        ),
    ),
    defaults={"max_chars": MAX_CHARS, "library": ""},
    prepare=prepared,
    labels=labels,
)
"""`max_chars`: most code points of a document looked at. `library`: filled in, the name and version of py3langid."""
