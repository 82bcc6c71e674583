"""mark: the units of one part's documents that go, brought together from all ranges of keys."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.ledger.tables import REPEATS
from datagov.storage import Output, Receipt
from pipelines.fates import rows_of_part
from pipelines.removals import REPEATED
from pipelines.stage import Task, finish

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Write the repeats of one part, by row and start; stretches of characters joined where they go on in their keeper.

    `args`: rows, offset (ordinal of the part's first document), parts (name and first ordinal of every part),
    documents (file), counted (files of all ranges), characters (whether they are stretches of characters), file (where
    to write).
    """
    started = time.perf_counter()
    args = task.args
    found = rows_of_part(task.root, args["counted"], REPEATED, args["offset"], args["rows"])
    order = np.lexsort([found.column(name).to_numpy() for name in ("end", "start", "ordinal")])
    found = found.take(pa.array(order))
    if args["characters"]:
        found = _joined(found)
    rows = found.column("ordinal")
    doc_ids = pq.read_table(task.root / args["documents"], columns=["doc_id"], use_threads=False)
    nobody = found.column("keeper_ordinal").is_null().to_numpy()
    keeper = found.column("keeper_ordinal").fill_null(0).to_numpy()
    firsts = np.array([part["ordinal"] for part in args["parts"]], np.int64)
    at = np.searchsorted(firsts, keeper, side="right") - 1
    names = pa.array([part["name"] for part in args["parts"]], pa.string())
    columns = [
        doc_ids.column("doc_id").take(rows).combine_chunks(),
        rows,
        found.column("start"),
        found.column("end"),
        pa.DictionaryArray.from_arrays(pa.array(at.astype(np.int32), mask=nobody), names),
        pa.array(keeper - firsts[at], mask=nobody),
        found.column("keeper_start"),
        found.column("copies"),
    ]
    table = pa.Table.from_arrays(columns, schema=REPEATS)
    return [finish(task, [Output(args["file"], table)], {"repeated": table.num_rows}, started)]


def _joined(found: pa.Table) -> pa.Table:
    """Return stretches in order, those in one that overlap or touch and have neighbouring copies that stay."""
    if found.num_rows == 0:
        return found
    ordinal, start, end, copies = (
        found.column(name).to_numpy() for name in ("ordinal", "start", "end", "copies")
    )
    keeper = found.column("keeper_ordinal").fill_null(-1).to_numpy()
    shift = start - found.column("keeper_start").fill_null(0).to_numpy()
    shift = np.where(keeper < 0, 0, shift)
    fresh = np.ones(len(start), bool)
    fresh[1:] = (
        (ordinal[1:] != ordinal[:-1])
        | (keeper[1:] != keeper[:-1])
        | (shift[1:] != shift[:-1])
        | (start[1:] > end[:-1])
    )
    firsts = np.flatnonzero(fresh)
    joined = found.take(pa.array(firsts))
    for name, values in (("end", end), ("copies", copies)):
        most = pa.array(np.maximum.reduceat(values, firsts))
        joined = joined.set_column(joined.schema.get_field_index(name), name, most)
    return joined
