"""count: which units of text go, because others with the same key stand elsewhere; one range of keys."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa

from datagov.dedup.repeats import repeats
from datagov.storage import Output, Receipt
from pipelines.fates import read_alive
from pipelines.removals import REPEATED
from pipelines.stage import Task, finish

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Count one range of keys, over the units of alive documents.

    `args`: runs (file, offsets and first ordinal of each part), bounds (key prefixes), fates (file), min_count,
    keep, bucket_documents, file (where the repeats go).
    """
    started = time.perf_counter()
    args = task.args
    table = read_alive(task.root, args["runs"], args["bounds"], args["fates"])
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    # Within a part units are sorted by key first; here the order of the run's documents counts.
    place = np.lexsort((columns["start"], columns["ordinal"]))
    columns = {name: values[place] for name, values in columns.items()}
    ordinal, start = columns["ordinal"], columns["start"].astype(np.int64)
    every = args["bucket_documents"]
    found = repeats(
        columns["key"],
        columns["key_low"],
        None if every is None else ordinal // every,
        min_count=args["min_count"],
        keep_first=args["keep"] == "first",
    )
    nobody = found.keeper < 0
    repeated = pa.Table.from_arrays(
        [
            pa.array(ordinal[found.removed]),
            pa.array(start[found.removed]),
            pa.array(columns["end"][found.removed].astype(np.int64)),
            pa.array(ordinal[found.keeper], mask=nobody),
            pa.array(start[found.keeper], mask=nobody),
            pa.array(found.copies),
        ],
        schema=REPEATED,
    )
    facts = {"units": len(ordinal), "repeated": repeated.num_rows}
    return [finish(task, [Output(args["file"], repeated)], facts, started)]
