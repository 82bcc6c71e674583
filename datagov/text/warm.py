"""Compile every text kernel once, so that processes started later find them on disk."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from datagov.text.batch import TextBatch
from datagov.text.normal import normal_bytes, strip_control
from datagov.text.normal import normalise as normalised
from datagov.text.tables import NORMAL_FORMS
from datagov.text.utf8 import invalid_rows

__all__ = ["warm"]

MIXED = (
    "",
    "Plain words, can't stop at 3.14 of them.\r\nA second line of ASCII text.",
    "混合 text，一行。カタカナ ภาษาไทย",
    'e\u0301 \ufeff \x00 \u05d0"\u05d1 \U0001f468\u200d\U0001f469 \U0001f1e8\U0001f1f3',
)


def warm() -> None:
    """Run every kernel of `datagov.text` on a tiny batch; the first time, seconds of compilation."""
    texts = pa.array(MIXED, type=pa.large_string())
    invalid_rows(texts)
    for form in NORMAL_FORMS:
        normalised(texts, form)
    strip_control(texts)
    normal_bytes(texts)
    batch = TextBatch(texts)
    for derived in ("lines", "segments", "words", "tokens", "script_counts"):
        getattr(batch, derived)
    batch.select(np.array([False, True, True, False]))
    TextBatch.from_words(texts, [[], ["Plain"], [], []])
