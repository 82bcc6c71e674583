"""sift: the anchors of substrings that stand in several places; one range of keys."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa

from datagov.dedup.repeats import repeats
from datagov.storage import Output, Receipt
from pipelines.fates import read_alive
from pipelines.removals import SIFTED
from pipelines.stage import Task, finish

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Leave out the anchors that are met too seldom, over alive documents.

    `args`: runs (file, offsets and first ordinal of each part), bounds (key prefixes), fates (file), min_count,
    bucket_documents, file (where the others go).
    """
    started = time.perf_counter()
    args = task.args
    table = read_alive(task.root, args["runs"], args["bounds"], args["fates"])
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    every = args["bucket_documents"]
    met = repeats(
        columns["key"],
        columns["key_low"],
        None if every is None else columns["ordinal"] // every,
        min_count=args["min_count"],
        keep_first=False,
    )
    chosen = met.removed
    chosen = chosen[np.lexsort((columns["start"][chosen], columns["ordinal"][chosen]))]
    sifted = table.select(SIFTED.names).take(pa.array(chosen)).cast(SIFTED)
    facts = {"anchors": table.num_rows, "met": sifted.num_rows}
    return [finish(task, [Output(args["file"], sifted)], facts, started)]
