"""export: the kept documents, as they came in but for the edits, shard by shard."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagov.columns import IDENTITY_COLUMNS, identity_column, text_sizes
from datagov.documents import shard_schema
from datagov.shards import Slice
from datagov.storage import Output, Receipt
from pipelines.parts import output_name
from pipelines.run_edits import loaded
from pipelines.shard_file import ShardFile
from pipelines.stage import Task, finish
from pipelines.text_states import edited
from pipelines.texts import Chunk, Source, exported_schema, read_part

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Write the kept documents of one part, one file for each piece of a shard.

    `args`: source, slices, edits, decisions (file), folder (where the kept shards go).
    """
    started = time.perf_counter()
    source: Source = task.args["source"]
    decisions = pq.read_table(task.root / task.args["decisions"], columns=["action"], use_threads=False)
    kept = pc.equal(decisions.column("action"), "keep").to_numpy()
    written: dict[str, Output] = {}
    for piece, file in _files(task, source, kept):
        path = f"{task.args['folder']}/{output_name(piece)}"
        written[piece.path] = Output(path, file.finish(), rows=file.rows)
    for piece in task.args["slices"]:
        if piece.path not in written:
            empty = ShardFile(_schema(source, piece))
            written[piece.path] = Output(f"{task.args['folder']}/{output_name(piece)}", empty.finish())
    outputs = [written[piece.path] for piece in task.args["slices"]]
    return [finish(task, outputs, {"kept": sum(output.rows for output in outputs)}, started)]


def _files(task: Task, source: Source, kept: np.ndarray) -> Iterator[tuple[Slice, ShardFile]]:
    """Yield the pieces that have documents, and their files, as soon as each has all of them."""
    pieces = {piece.path: piece for piece in task.args["slices"]}  # of one shard a part has one at most
    edits = loaded(task.root, task.unit, task.args["edits"])
    shard, file = "", None
    for chunk in read_part(source, task.args["slices"], None):
        chosen = np.flatnonzero(kept[chunk.start : chunk.start + len(chunk.text)])
        index = pa.array(chosen)
        texts = edited(chunk.text.take(index).view(pa.large_string()), chunk.start + chosen, edits)
        table = _with(chunk.columns.take(index), chunk.doc_ids.take(index), texts, source)
        sizes = text_sizes(texts)
        for following, first, last in _spans(chunk, chosen):
            if following != shard:
                if file is not None:
                    yield pieces[shard], file
                shard, file = following, ShardFile(table.schema)
            if file is not None:
                file.add(table.slice(first, last - first), sizes[first:last])
    if file is not None:
        yield pieces[shard], file


def _spans(chunk: Chunk, chosen: np.ndarray) -> list[tuple[str, int, int]]:
    """Return (shard, first, last): where each shard's documents stand among the chosen ones."""
    runs = pc.run_end_encode(chunk.shards, run_end_type=pa.int32())
    ends = np.searchsorted(chosen, runs.run_ends.to_numpy())
    starts = np.concatenate([[0], ends[:-1]])
    return list(zip(runs.values.to_pylist(), starts.tolist(), ends.tolist(), strict=True))


def _with(columns: pa.RecordBatch, doc_ids: pa.Array, texts: pa.Array, source: Source) -> pa.Table:
    table = pa.Table.from_batches([columns])
    name = source.columns.text
    position = table.schema.get_field_index(name)
    table = table.set_column(position, name, texts)
    identity = identity_column(table.schema)
    if identity is not None:
        # The pieces of a long document have ids of their own; all others have this one.
        place = table.schema.get_field_index(identity)
        field = table.schema.field(place)
        return table.set_column(place, field, doc_ids if field.type == pa.uuid() else doc_ids.storage)
    first, second = IDENTITY_COLUMNS
    return table.append_column(second if first in table.column_names else first, doc_ids)


def _schema(source: Source, piece: Slice) -> pa.Schema:
    """Return the columns that the kept documents of a piece have."""
    schema = shard_schema(source.root, source.form, piece.path)
    schema = exported_schema(source.form, schema, piece.path)
    batch = pa.RecordBatch.from_pylist([], schema=schema)
    nobody = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([], pa.binary(16)))
    return _with(batch, nobody, pa.array([], pa.large_string()), source).schema
