"""Traces as Parquet: a file a chunk of texts, one row a window, its conditions as metadata of the schema."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.errors import LedgerError
from detectors.trace import TraceBatch, TraceOrigin

__all__ = ["read_trace", "trace_table"]

KEY = b"datagov.trace"
COLUMNS = {
    "token_ids": "token_ids_T",
    "logprob": "logprob_T",
    "entropy": "entropy_T",
    "variance": "variance_T",
    "top1": "top1_T",
    "rank": "rank_T",
    "top": "top_TK",
}
"""Column -> field of `TraceBatch`; an optional statistic that the target does not give has no column."""


def trace_table(trace: TraceBatch) -> pa.Table:
    """Return traces as a table: `text` (int64) and a list column for each statistic; `top` holds K values a token."""
    names, arrays = ["text"], [pa.array(trace.text_W)]
    width = 1
    for name, field in COLUMNS.items():
        values = getattr(trace, field)
        if values is None:
            continue
        each = values.shape[1] if values.ndim == 2 else 1
        width = max(width, each)
        offsets = pa.array(trace.offsets * each, pa.int64())
        names.append(name)
        arrays.append(pa.LargeListArray.from_arrays(offsets, pa.array(values.reshape(-1))))
    facts = {"origin": asdict(trace.origin), "texts": trace.texts, "top": width}
    table = pa.Table.from_arrays(arrays, names)
    return table.replace_schema_metadata({KEY: json.dumps(facts, sort_keys=True).encode()})


def read_trace(path: Path) -> TraceBatch:
    """Read what `trace_table` was written to.

    Raises
    ------
    LedgerError
        There is no trace at `path`.
    """
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise LedgerError(
            f"traces {path}: cannot be read ({error}); delete the file and trace again"
        ) from error
    facts = json.loads((table.schema.metadata or {}).get(KEY, b"{}"))
    if "origin" not in facts:
        raise LedgerError(f"traces {path}: not a file of traces; delete it and trace again")
    lists = {name: table.column(name).combine_chunks() for name in COLUMNS if name in table.column_names}
    values = {COLUMNS[name]: array.flatten().to_numpy() for name, array in lists.items()}
    if "top_TK" in values:
        values["top_TK"] = values["top_TK"].reshape(-1, facts["top"])
    return TraceBatch(
        origin=TraceOrigin(**facts["origin"]),
        text_W=table.column("text").to_numpy(),
        texts=facts["texts"],
        offsets=lists["token_ids"].offsets.to_numpy() - np.int64(lists["token_ids"].offsets[0].as_py()),
        **values,
    )
