"""tally: the values that a filter's quantiles are taken of, counted for one part."""

from __future__ import annotations

import time

import pyarrow as pa
import pyarrow.parquet as pq

from datagov.storage import Output, Receipt
from pipelines.fates import ALIVE
from pipelines.filter_view import read_seen
from pipelines.limits import strata_of, tally
from pipelines.stage import Task, finish

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Count the values of one part's documents that reach a filter and that it speaks of.

    `args`: fates (file of the part's fates before the filter), step (as `read_seen` reads it, and documents,
    a file), file (where to write).
    """
    started = time.perf_counter()
    args = task.args
    fates = pq.read_table(task.root / args["fates"], use_threads=False).column("fate").to_numpy()
    seen = read_seen(task.root, args["step"], fates == ALIVE)
    strata = strata_of(task.root / args["step"]["documents"]).take(pa.array(seen.rows))
    table = tally(seen.bounds, seen.values, strata)
    return [finish(task, [Output(args["file"], table)], {"rows": table.num_rows}, started)]
