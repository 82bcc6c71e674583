"""compare: excerpts with the same anchor, window by window; one range of keys."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from datagov.dedup.windows import Excerpts, shared
from datagov.storage import Output, Receipt
from datagov.text.batch import TextBatch
from pipelines.removals import REPEATED
from pipelines.sorted_runs import read_range
from pipelines.stage import Task, finish

__all__ = ["apply"]

AT_ONCE = 50_000
"""Excerpts compared at a time, if they are not all of one anchor; each takes a few thousand bytes."""


def apply(task: Task) -> list[Receipt]:
    """Find the stretches of one range that go.

    `args`: runs (file and offsets of the excerpts of each part), bounds (key prefixes), length, min_count, keep,
    bucket_documents, file (where the repeats go).
    """
    started = time.perf_counter()
    args = task.args
    pieces = [read_range(task.root, run["file"], run["offsets"], args["bounds"]) for run in args["runs"]]
    table = pa.concat_tables(pieces).combine_chunks()
    order = np.lexsort([table.column(name).to_numpy() for name in ("start", "ordinal", "key")])
    table = table.take(pa.array(order))
    found = [REPEATED.empty_table(), *(_compared(task, batch) for batch in _batches(table))]
    repeated = pa.concat_tables(found).combine_chunks()
    place = np.lexsort([repeated.column(name).to_numpy() for name in ("start", "ordinal")])
    facts = {"excerpts": table.num_rows, "repeated": repeated.num_rows}
    return [finish(task, [Output(args["file"], repeated.take(pa.array(place)))], facts, started)]


def _batches(table: pa.Table) -> Iterator[pa.Table]:
    """Yield some anchors with all of their excerpts at a time."""
    keys = table.column("key").to_numpy()
    ends = np.append(np.flatnonzero(keys[1:] != keys[:-1]) + 1, len(keys))
    first = 0
    while first < len(keys):
        at = np.searchsorted(ends, first + AT_ONCE, side="right") - 1
        stop = (
            int(ends[at])
            if at >= 0 and ends[at] > first
            else int(ends[np.searchsorted(ends, first, "right")])
        )
        yield table.slice(first, stop - first)
        first = stop


def _compared(task: Task, table: pa.Table) -> pa.Table:
    args = task.args
    order = np.lexsort([table.column(name).to_numpy() for name in ("start", "ordinal")])
    table = table.take(pa.array(order)).combine_chunks()
    texts = TextBatch(pa.concat_arrays(table.column("text").chunks))
    ordinal, start, place, key = (
        table.column(name).to_numpy() for name in ("ordinal", "start", "place", "key")
    )
    every = args["bucket_documents"]
    excerpts = Excerpts(texts.code_points, texts.offsets, ordinal, start, place - start, key)
    found = shared(
        excerpts,
        None if every is None else ordinal // every,
        length=args["length"],
        min_count=args["min_count"],
        keep_first=args["keep"] == "first",
    )
    nobody = found.keeper < 0
    columns = [
        pa.array(found.document),
        pa.array(found.start),
        pa.array(found.end),
        pa.array(found.keeper, mask=nobody),
        pa.array(found.keeper_start, mask=nobody),
        pa.array(found.copies),
    ]
    return pa.Table.from_arrays(columns, schema=REPEATED)
