"""What an edit gives back: the new texts, what changed in each, and the stretches it took out or replaced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagov.ledger.tables import edits_schema

__all__ = ["STRETCHES", "Edited", "changes", "replaced"]

STRETCHES = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
    ]
)
"""The ledger's `SPANS`, with the document's row in the batch in place of its id."""


@dataclass(frozen=True)
class Edited:
    """N texts after an edit."""

    texts: pa.LargeStringArray
    changes: pa.RecordBatch
    """N rows of the edit's schema: the ledger's `EDITS` and the edit's own counts."""
    spans: pa.RecordBatch | None = None
    """`STRETCHES` rows, by row and start; None for an edit that maps characters."""


def changes(
    before: pa.LargeStringArray,
    after: pa.LargeStringArray,
    changed: npt.NDArray[np.bool_],
    **counts: npt.NDArray[np.int64],
) -> pa.RecordBatch:
    """Return the rows of `EDITS` for N texts before and after, with the edit's own counts (int64[N])."""
    chars_before = pc.utf8_length(before)
    chars_after = chars_before if after is before else pc.utf8_length(after)
    arrays = [pa.array(changed), chars_before, chars_after, *map(pa.array, counts.values())]
    return pa.RecordBatch.from_arrays(arrays, schema=edits_schema(*counts))


def replaced(
    texts: pa.LargeStringArray, changed: npt.NDArray[np.bool_], replacements: pa.LargeStringArray
) -> pa.LargeStringArray:
    """Return `texts` (N) with the rows `changed` (bool[N]) taken from `replacements`, in order."""
    if not changed.any():
        return texts
    return replacements if changed.all() else pc.replace_with_mask(texts, pa.array(changed), replacements)
