"""Text states: the texts of some documents as they stand after each of a recipe's edits.

Measuring, comparing and exporting make them here, so that all three see the same characters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from datagov.edits import Edited, edit_of
from datagov.edits.edited import changes, replaced
from datagov.signals.script import script
from datagov.text.batch import TextBatch
from pipelines.run_edits import FOUND, SETTLED, stretches_of

__all__ = ["TextState", "edit", "edited"]

NOT_OPTIONS = {"kind", "version", "when"}


class TextState:
    """The texts of some sound documents of a part at one text state, M of them."""

    def __init__(self, texts: pa.Array, rows: np.ndarray, last: Edited | None = None) -> None:
        self.texts = texts
        self.rows = rows
        """int64[M]: their rows in the part, ascending; an edit by run looks up by them what it found."""
        self.last = last
        """What the last edit did, document by document; None for the input text."""
        self._of_scripts: dict[tuple[str, ...] | None, tuple[np.ndarray, TextBatch]] = {}

    @cached_property
    def batch(self) -> TextBatch:
        """The texts seen as code points, words and tokens; derived once for all products."""
        return TextBatch(self.texts)

    def of_scripts(self, names: Sequence[str] | None) -> tuple[np.ndarray, TextBatch]:
        """Return (bool[M], their batch) of the texts whose main script is one of `names`; None for all.

        The same names get the same batch, so that several families share its words.
        """
        key = None if names is None else tuple(names)
        if key not in self._of_scripts:
            if key is None:
                chosen = np.ones(len(self.texts), bool)
            else:
                chosen = np.isin(script(self.batch).to_numpy(zero_copy_only=False), key)
            self._of_scripts[key] = (chosen, self.batch if chosen.all() else self.batch.select(chosen))
        return self._of_scripts[key]


def edit(state: TextState, step: Mapping[str, Any]) -> TextState:
    """Apply one edit step; texts it does not speak of (its `when`) stay as they are.

    `step` is `products.edit_step`: kind, version, `when` (scripts, or None for all) and the options; by run, loaded.
    """
    kind = edit_of(step["kind"])
    if kind.by == "run":
        # Whom the step speaks of was decided when its units were counted.
        options = {name: value for name, value in step.items() if name not in {*NOT_OPTIONS, SETTLED, FOUND}}
        done = kind.apply(state.batch, stretches=stretches_of(step[FOUND], state.rows), **options)
        return TextState(done.texts, state.rows, done)
    options = {name: value for name, value in step.items() if name not in NOT_OPTIONS}
    chosen, batch = state.of_scripts(step["when"])
    done = kind.apply(batch, **options)
    if chosen.all():
        return TextState(done.texts, state.rows, done)
    texts = replaced(state.texts, chosen, done.texts)
    rows = np.flatnonzero(chosen)
    changed = spread(done.changes.column("changed"), chosen).astype(bool)
    counts = {name: spread(done.changes.column(name), chosen) for name in kind.counts}
    spans = done.spans
    if spans is not None:
        spans = spans.set_column(0, spans.schema.field(0), pa.array(rows[spans.column("row").to_numpy()]))
    return TextState(texts, state.rows, Edited(texts, changes(state.texts, texts, changed, **counts), spans))


def edited(texts: pa.Array, rows: np.ndarray, steps: Sequence[Mapping[str, Any]]) -> pa.Array:
    """Apply edit steps, those by run loaded, to large_string[M] of some rows of a part; return the last texts."""
    state = TextState(texts, rows)
    for step in steps:
        state = edit(state, step)
    return state.texts


def spread(values: pa.Array, chosen: np.ndarray) -> np.ndarray:
    """Return int64[M]: `values` where `chosen` (bool[M]), 0 elsewhere."""
    out = np.zeros(len(chosen), np.int64)
    out[chosen] = values.to_numpy(zero_copy_only=False)
    return out
