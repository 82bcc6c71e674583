"""collect: the fates of all parts as one array that reducers can map."""

from __future__ import annotations

import time

import numpy as np
import pyarrow.parquet as pq

from datagov.storage import Output, Receipt
from pipelines.fates import ALIVE, fate_bytes
from pipelines.stage import Task, finish

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Join the parts' fates in part order.

    `args`: fates (files in part order), file (where to write).
    """
    started = time.perf_counter()
    pieces = [
        pq.read_table(task.root / path, use_threads=False).column("fate").to_numpy()
        for path in task.args["fates"]
    ]
    fates = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
    values, counts = np.unique(fates, return_counts=True)
    facts = {
        "rows": len(fates),
        "alive": int(np.count_nonzero(fates == ALIVE)),
        "by_fate": {str(value): int(count) for value, count in zip(values, counts, strict=True)},
    }
    return [finish(task, [Output(task.args["file"], fate_bytes(fates))], facts, started)]
