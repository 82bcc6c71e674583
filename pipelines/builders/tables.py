"""Tables of the ledger put together from the chunks of a part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from datagov.ledger.tables import SPANS
from pipelines.texts import Chunk

__all__ = ["joined", "spans_table", "typed"]


def typed(columns: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    """Return columns, arrays or lists by name, as a table of a schema."""
    arrays = []
    for field in schema:
        array = columns[field.name]
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else pa.array(array)
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0, array.type)
        if field.type == pa.uuid():
            arrays.append(pa.ExtensionArray.from_storage(field.type, array))
        else:
            arrays.append(array.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def joined(tables: list[pa.Table], schema: pa.Schema) -> pa.Table:
    """Return tables end to end; an empty one where there are none."""
    return pa.concat_tables(tables) if tables else schema.empty_table()


def spans_table(chunk: Chunk, rows: np.ndarray, spans: pa.RecordBatch) -> pa.Table:
    """Return `SPANS` of stretches in some of a chunk's documents.

    Parameters
    ----------
    chunk : Chunk
    rows : int64[M]
        The documents, counted from the chunk's first.
    spans : RecordBatch
        `row` (0 to M - 1), `rule`, `start`, `end` and, of terms, `term`.
    """
    index = pa.array(rows[spans.column("row").to_numpy()])
    named = {name: spans.column(name) for name in ("rule", "start", "end")}
    term = spans.column("term") if "term" in spans.schema.names else pa.nulls(spans.num_rows, pa.string())
    return typed({"doc_id": chunk.doc_ids.storage.take(index), **named, "term": term}, SPANS)
