"""Edits by run: what a count over all documents found, kept by part, and looked up again for any documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.edits import edit_of
from datagov.edits.span_dedup import Stretches
from datagov.storage import Folder

__all__ = ["FOUND", "SETTLED", "loaded", "repeats_file", "stretches_of"]

SETTLED = "settled"
"""Of an edit step by run: the key of what its count found. A step without is not settled yet."""
FOUND = "found"
"""Of such a step once loaded: the stretches of one part's documents."""


def repeats_file(settled: str, part: str) -> str:
    """Return the path of the ledger's `repeats` of a part."""
    return f"ledger/repeats/{settled}/{part}.parquet"


def loaded(root: Folder, part: str, steps: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return edit steps, those by run with what was found for the documents of a part."""
    return [
        {**step, FOUND: _found(root, repeats_file(step[SETTLED], part))}
        if edit_of(step["kind"]).by == "run"
        else step
        for step in steps
    ]


def stretches_of(found: pa.Table, rows: np.ndarray) -> Stretches:
    """Return the stretches of some documents.

    Parameters
    ----------
    found : pyarrow.Table
        As in a step that is loaded.
    rows : int64[M]
        The documents' rows in the part, ascending. The stretches are of documents 0 to M - 1.
    """
    row = found.column("row").to_numpy()
    at = np.searchsorted(rows, row)
    chosen = np.flatnonzero(at < len(rows))
    chosen = chosen[rows[at[chosen]] == row[chosen]]
    start, end = (found.column(name).to_numpy()[chosen] for name in ("start", "end"))
    return Stretches(at[chosen], start, end)


def _found(root: Folder, path: str) -> pa.Table:
    return pq.read_table(root / path, columns=["row", "start", "end"], use_threads=False).combine_chunks()
