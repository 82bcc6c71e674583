"""exact: documents with equal keys, but for the one the keep policy prefers."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyarrow as pa

from datagov.dedup.keeper import KeepPolicy
from datagov.storage import Output, Receipt
from pipelines.carry import joined
from pipelines.fates import ALIVE, load_fates
from pipelines.removals import in_keep_order, removals
from pipelines.sorted_runs import read_range
from pipelines.stage import Task, finish

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Decide one range of keys.

    `args`: runs (file, offsets and first ordinal of each part), bounds (key prefixes), fates (file),
    keep (policy), file (where the removals go).
    """
    started = time.perf_counter()
    fates = load_fates(task.root / task.args["fates"])
    table = _members(task, fates)
    policy = KeepPolicy.parse(task.args["keep"])
    best_first = in_keep_order(policy, table)
    high = table.column("key").to_numpy()[best_first]
    low = table.column("key_low").to_numpy()[best_first]
    by_key = np.lexsort((np.arange(len(high)), low, high))
    order = best_first[by_key]
    high, low = high[by_key], low[by_key]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    keeper = order[np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))]
    found = removals(table, removed=order[~fresh], keeper=keeper[~fresh])
    return [finish(task, [Output(task.args["file"], found)], {"removed": found.num_rows}, started)]


def _members(task: Task, fates: np.ndarray) -> pa.Table:
    """Return the alive documents of the range whose key is not theirs alone."""
    pieces: list[pa.Table] = []
    for run in task.args["runs"]:
        piece = read_range(task.root, run["file"], run["offsets"], task.args["bounds"])
        ordinal = piece.column("row").to_numpy().astype(np.int64) + run["ordinal"]
        piece = piece.append_column("ordinal", pa.array(ordinal))
        pieces.append(piece.filter(pa.array(fates[ordinal] == ALIVE)))
    table = joined(pieces).combine_chunks()
    return table.take(pa.array(_repeated(table)))


def _repeated(table: pa.Table) -> np.ndarray:
    columns: dict[str, Any] = {name: table.column(name).to_numpy() for name in ("key", "key_low")}
    order = np.lexsort((columns["key_low"], columns["key"]))
    high, low = columns["key"][order], columns["key_low"][order]
    equal = (high[1:] == high[:-1]) & (low[1:] == low[:-1])
    repeated = np.zeros(len(order), bool)
    repeated[1:] |= equal
    repeated[:-1] |= equal
    return np.sort(order[repeated])
