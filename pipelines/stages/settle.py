"""settle: the limits that a filter's quantiles come to, over all parts."""

from __future__ import annotations

import time

import pyarrow.parquet as pq

from datagov.policy import bound_from
from datagov.storage import Output, Receipt
from pipelines.limits import settled
from pipelines.stage import Task, finish

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Add up the tallies of all parts and take the quantiles.

    `args`: bounds (as resolved), tallies (files), file (where to write).
    """
    started = time.perf_counter()
    tallies = [pq.read_table(task.root / path, use_threads=False) for path in task.args["tallies"]]
    table = settled([bound_from(bound) for bound in task.args["bounds"]], tallies)
    return [finish(task, [Output(task.args["file"], table)], {"limits": table.num_rows}, started)]
