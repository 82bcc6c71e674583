"""Traces as Parquet: a file a chunk of texts, one row a window, its conditions as metadata of the schema."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from xxhash import xxh3_128_hexdigest

from datagov.errors import LedgerError
from detectors.trace import TraceBatch, TraceOrigin

__all__ = ["read_trace", "trace_of", "trace_table"]

KEY = b"datagov.trace"
AGAIN = "delete the file and trace again, `datagov detect score --target ... --traces STORE`"
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


def trace_of(table: pa.Table) -> TraceBatch:
    """Return the traces that `trace_table` made a table of."""
    facts = json.loads(table.schema.metadata[KEY])
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


def read_trace(path: Path, written: str) -> TraceBatch:
    """Read what `trace_table` was written to.

    Parameters
    ----------
    path : Path
    written : str
        Digest of the bytes that were written, as the receipt has it.

    Raises
    ------
    LedgerError
        There is no file at `path`, or it is not the one that was written.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"traces {path}: cannot be read ({error}); {AGAIN}") from error
    if xxh3_128_hexdigest(data) != written:
        raise LedgerError(f"traces {path}: damaged, its bytes are not those that were written; {AGAIN}")
    return trace_of(pq.read_table(pa.BufferReader(data)))
