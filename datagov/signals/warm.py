"""Compile every kernel of the signals before workers start, so that none compiles twice."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from datagov.classifiers.card import NGrams, Tokens
from datagov.classifiers.features import feature_keys
from datagov.classifiers.linear import FREQUENCIES, Linear
from datagov.classifiers.tokens import token_lines
from datagov.contamination.index import build
from datagov.contamination.items import Items
from datagov.contamination.overlap import overlap
from datagov.lexicons.file import starter
from datagov.lexicons.matcher import matcher_of
from datagov.pii.kinds import NAMES
from datagov.pii.scan import candidates
from datagov.signals import FAMILIES
from datagov.signals.langid import warm_langid
from datagov.text.batch import TextBatch

__all__ = ["warm"]

TEXTS = ("One two, one two.\n\nOne two…\n- three\n", "一二三四。一二三四。", "")
EXAMPLES = {"words": ["the", "的"]}
"""A value for each parameter without a default."""


def warm() -> None:
    """Measure every family once on a tiny batch; the machine code stays on disk for other processes.

    Families with an optional library are left out, as it may be missing, and a model takes a second to load.
    """
    batch = TextBatch(pa.array(TEXTS, pa.large_string()))
    candidates(batch.code_points, batch.offsets, NAMES, national=False)
    warm_langid()
    for family in FAMILIES:
        if family.prepare is not None:
            continue
        family.measure(batch, {**family.defaults, **{name: EXAMPLES[name] for name in family.required}})
    matcher_of(starter()).find(batch)
    overlap(batch, build(Items(batch.texts, TEXTS), n=2, shortest=1))
    features = NGrams(chars=(1, 2), words=1)
    keys = np.unique(feature_keys(batch, features)[0])
    flat = np.ones(len(keys), np.float32)
    Linear(keys, flat[:, None], flat, np.zeros(1), np.zeros(FREQUENCIES)).margins(batch, features)
    for cut in ("words", "characters"):
        token_lines(batch, Tokens(cut=cut, lower=True, outputs=["a", "b"]))
