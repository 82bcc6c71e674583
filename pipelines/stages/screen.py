"""screen: which documents of a part are left when the steps so far have spoken."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.errors import InputError
from datagov.storage import Output, Receipt
from pipelines.fates import ALIVE, ERRORED, rows_of_part
from pipelines.filter_view import read_view
from pipelines.removals import REMOVALS
from pipelines.stage import Task, finish

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Advance the fates of one part over some adjacent steps.

    `args`: rows, offset (ordinal of the part's first document), fates (file of the part's fates so
    far, or None at the start), documents (file), steps (each with position, kind, name and, for
    filters, what `read_view` reads; for dedup steps, removals).
    """
    started = time.perf_counter()
    args = task.args
    fates = _start(task) if args["fates"] is None else _read(task, args["fates"])
    spent: dict[str, float] = {}
    for step in args["steps"]:
        began = time.perf_counter()
        alive = fates == ALIVE
        if step["kind"] == "filter":
            view = read_view(task.root, step, alive)
            if view.failing is not None:
                raise _missing(task, step["name"], *view.failing)
            if not view.annotate:
                fates[alive & view.hit] = step["position"]
            if step["resolved"]["otherwise"] == "drop":
                fates[alive & view.uncovered] = step["position"]
        elif not step["annotate"]:
            removed = rows_of_part(task.root, step["removals"], REMOVALS, args["offset"], args["rows"])
            fates[removed.column("ordinal").to_numpy()] = step["position"]
        spent[step["name"]] = round(time.perf_counter() - began, 4)
    outputs = [Output(args["file"], pa.table({"fate": pa.array(fates, pa.int16())}))]
    return [finish(task, outputs, {"rows": len(fates)}, started, spent=spent)]


def _missing(task: Task, step: str, signal: str, row: int, count: int) -> InputError:
    columns = ["shard", "shard_row", "id"]
    place = pq.read_table(task.root / task.args["documents"], columns=columns, use_threads=False)
    document = place.slice(row, 1).to_pylist()[0]
    return InputError(
        f"step {step!r}: {signal!r} is undefined for {count} documents that reached it, the first "
        f"{document['shard']}:{document['shard_row']} (id {document['id']}), and its bound says `missing: fail`. "
        "Say `missing: keep` or `missing: drop`, or remove these documents in an earlier step"
    )


def _start(task: Task) -> np.ndarray:
    chars = pq.read_table(task.root / task.args["documents"], columns=["chars"], use_threads=False).column(
        "chars"
    )
    return np.where(chars.is_valid().to_numpy(), ALIVE, ERRORED).astype(np.int16)


def _read(task: Task, path: str) -> np.ndarray:
    return np.array(pq.read_table(task.root / path, use_threads=False).column("fate").to_numpy(), np.int16)
