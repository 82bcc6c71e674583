"""Tables of the ledger put together from the chunks of a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from datagov.ledger.tables import LINE_VALUES, SPANS
from datagov.rule import Quantity
from pipelines.texts import Chunk

__all__ = ["joined", "line_values_table", "spans_table", "typed"]


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


def line_values_table(
    chunk: Chunk, rows: np.ndarray, lines: pa.RecordBatch, rules: Sequence[Quantity]
) -> pa.Table:
    """Return `LINE_VALUES` of lines in some of a chunk's documents: of each line in order, a row for each rule.

    Parameters
    ----------
    chunk : Chunk
    rows : int64[M]
        The documents, counted from the chunk's first.
    lines : RecordBatch
        L rows: `row` (0 to M - 1), `line`, `start`, `end`, and the columns that the rules name.
    rules : sequence of Quantity
    """
    index = np.repeat(np.arange(lines.num_rows), len(rules))
    each = {name: lines.column(name).take(pa.array(index)) for name in ("line", "start", "end")}
    names = pa.array([rule.name for rule in rules], pa.string())
    rule = pa.DictionaryArray.from_arrays(
        pa.array(np.tile(np.arange(len(rules), dtype=np.int8), lines.num_rows)), names
    )
    counts = {
        side: np.stack([column_of(lines, getattr(rule, side)) for rule in rules], axis=1).ravel()
        for side in ("numerator", "denominator")
    }
    without = np.tile([rule.denominator is None for rule in rules], lines.num_rows)
    doc_ids = chunk.doc_ids.storage.take(pa.array(rows[lines.column("row").to_numpy()[index]]))
    return typed(
        {
            "doc_id": doc_ids,
            **each,
            "rule": rule,
            "numerator": pa.array(counts["numerator"]),
            "denominator": pa.array(counts["denominator"], mask=without),
        },
        LINE_VALUES,
    )


def column_of(lines: pa.RecordBatch, name: str | None) -> np.ndarray:
    """Return int64[L] of a column; zeros for none."""
    return np.zeros(lines.num_rows, np.int64) if name is None else lines.column(name).to_numpy()
