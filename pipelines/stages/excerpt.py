"""excerpt: one sequential pass that brings together the text around the anchors that stand in several places."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa

from datagov.storage import Output, Receipt
from datagov.text.batch import TextBatch
from datagov.text.utf8 import encode_rows
from pipelines.fates import rows_of_part
from pipelines.removals import EXCERPTS, SIFTED
from pipelines.run_edits import loaded
from pipelines.sorted_runs import prefix_offsets
from pipelines.stage import Task, finish
from pipelines.text_states import edited
from pipelines.texts import Source, read_part

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Write the excerpts of one part as a sorted run.

    `args`: source, slices, edits, rows, offset (ordinal of the part's first document), sifted (files of all ranges),
    file (where to write).
    """
    started = time.perf_counter()
    args = task.args
    source: Source = args["source"]
    edits = loaded(task.root, task.unit, args["edits"])
    sifted = rows_of_part(task.root, args["sifted"], SIFTED, args["offset"], args["rows"])
    row = sifted.column("ordinal").to_numpy()
    start, end = (sifted.column(name).to_numpy() for name in ("start", "end"))
    texts = [pa.array([], pa.large_string())]
    for chunk in read_part(source, args["slices"], ()) if len(row) else ():
        low, high = np.searchsorted(row, (chunk.start, chunk.start + len(chunk.text)))
        if low == high:
            continue
        rows, of = np.unique(row[low:high], return_inverse=True)
        chosen = chunk.text.take(pa.array(rows - chunk.start)).view(pa.large_string())
        batch = TextBatch(edited(chosen, rows, edits))
        first = batch.offsets[of] + start[low:high]
        texts.append(_cut_out(batch, first, (end - start)[low:high]))
    columns = [
        sifted.column("key"),
        sifted.column("ordinal"),
        sifted.column("start"),
        sifted.column("place"),
        pa.concat_arrays(texts),
    ]
    table = pa.Table.from_arrays(columns, schema=EXCERPTS)
    keys = table.column("key").to_numpy()
    order = np.lexsort((start, row, keys))
    ordinal = table.column("ordinal").to_numpy() + args["offset"]
    table = table.set_column(1, EXCERPTS.field("ordinal"), pa.array(ordinal)).take(pa.array(order))
    facts = {"entries": table.num_rows, "offsets": prefix_offsets(keys[order])}
    output = Output(args["file"], table, encodings={"key": "DELTA_BINARY_PACKED", "text": "PLAIN"})
    return [finish(task, [output], facts, started)]


def _cut_out(batch: TextBatch, first: np.ndarray, lengths: np.ndarray) -> pa.Array:
    """Return stretches of the batch's code points as texts."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    at = np.repeat(first - offsets[:-1], lengths) + np.arange(offsets[-1])
    return encode_rows(batch.code_points[at], offsets)
