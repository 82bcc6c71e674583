"""resolve: where each chain of keepers ends, and how large each duplicate cluster is."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.errors import LedgerError
from datagov.storage import Output, Receipt
from pipelines.fates import ALIVE, load_fates
from pipelines.removals import LINKS
from pipelines.stage import Task, finish

__all__ = ["apply"]

MOST_LINKS = 10_000
"""More links than a recipe has steps mean a cycle, which the election rules out."""


def apply(task: Task) -> list[Receipt]:
    """Follow every removed document to the end of its chain.

    `args`: removals (files of all removing dedup steps), fates (file, final), file (where to write).
    """
    started = time.perf_counter()
    tables = [pq.read_table(task.root / path, use_threads=False) for path in task.args["removals"]]
    if not tables:
        return [
            finish(
                task,
                [Output(task.args["file"], LINKS.empty_table())],
                {"orphaned": 0, "clusters": 0},
                started,
            )
        ]
    table = pa.concat_tables(tables)
    ordinal = table.column("ordinal").to_numpy()
    order = np.argsort(ordinal, kind="stable")
    table, ordinal = table.take(pa.array(order)), ordinal[order]
    keeper_ordinal = table.column("keeper_ordinal").to_numpy()
    end = _ends(ordinal, keeper_ordinal)
    fates = load_fates(task.root / task.args["fates"])
    orphaned = np.asarray(fates[end] != ALIVE)
    ends, which, followers = np.unique(end, return_inverse=True, return_counts=True)
    keeper = pa.concat_arrays(table.column("keeper").chunks)
    end_ids = _ids_of(ends, keeper_ordinal, keeper)
    survivor = end_ids.take(pa.array(which, mask=orphaned))
    sizes = followers + 1
    removed = pa.Table.from_arrays(
        [pa.array(ordinal), keeper, survivor, pa.array(orphaned), pa.array(sizes[which])], schema=LINKS
    )
    nobody = pa.nulls(len(ends), pa.binary(16))
    kept = pa.Table.from_arrays(
        [pa.array(ends), nobody, nobody, pa.array(np.zeros(len(ends), bool)), pa.array(sizes)], schema=LINKS
    )
    links = pa.concat_tables([removed, kept])
    links = links.take(pa.array(np.argsort(links.column("ordinal").to_numpy(), kind="stable")))
    facts = {"orphaned": int(np.count_nonzero(orphaned)), "clusters": len(ends)}
    return [finish(task, [Output(task.args["file"], links)], facts, started)]


def _ends(ordinal: np.ndarray, keeper: np.ndarray) -> np.ndarray:
    """Return where the chain from each removed document ends; a chain is at most one link a dedup step."""
    end = keeper
    for _ in range(MOST_LINKS):
        place = np.minimum(np.searchsorted(ordinal, end), len(ordinal) - 1)
        goes_on = ordinal[place] == end
        if not goes_on.any():
            return end
        end = np.where(goes_on, keeper[place], end)
    raise LedgerError("a document was removed for itself, by way of others: please report this")


def _ids_of(ordinals: np.ndarray, keeper_ordinal: np.ndarray, keeper: pa.Array) -> pa.Array:
    """Return the doc_ids of chain ends, each of which is somebody's keeper."""
    known, first = np.unique(keeper_ordinal, return_index=True)
    return keeper.take(pa.array(first[np.searchsorted(known, ordinals)]))
