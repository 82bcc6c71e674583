"""decide: one row a document, with the verdict, every reason and the evidence for it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagov.ledger.tables import DECISIONS, REASON
from datagov.storage import Output, Receipt
from pipelines.fates import ALIVE, ERRORED, rows_of_part
from pipelines.filter_view import Reasons, not_covered, read_view, reason_array
from pipelines.removals import LINKS, REMOVALS, SPENT
from pipelines.stage import Task, finish

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Write the decisions of one part.

    `args`: rows, offset, documents, errors, fates (files of the part; fates final), steps (as for
    screen, all of them), edits (position of an edit step -> file of what it did), links (file), file (where to write).
    """
    started = time.perf_counter()
    args = task.args
    documents = pq.read_table(task.root / args["documents"], columns=["doc_id", "bytes"], use_threads=False)
    fates = pq.read_table(task.root / args["fates"], use_threads=False).column("fate").to_numpy()
    pieces = [_errors(task, documents)]
    annotated: dict[str, int] = {}
    not_compared: dict[str, int] = {}
    uncovered_kept = 0
    for step in args["steps"]:
        reached = np.flatnonzero((fates == ALIVE) | (fates >= step["position"]))
        if step["kind"] == "filter":
            found, left_out = _filter(task, step, reached)
            if step["resolved"]["otherwise"] == "keep":
                uncovered_kept += int(np.count_nonzero(fates[left_out] == ALIVE))
        else:
            passed_over = _not_compared(task, step, reached)
            not_compared[step["name"]] = len(passed_over[0])
            found = [*_dedup(task, step), passed_over]
        pieces.extend(found)
        noted = [at[annotation_of(reason)] for at, reason in found]
        annotated[step["name"]] = len(np.unique(np.concatenate(noted))) if noted else 0
    table = _decisions(task, documents, fates, pieces)
    kept = fates == ALIVE
    sizes = documents.column("bytes").fill_null(0).to_numpy()
    facts = {
        "kept": int(np.count_nonzero(kept)),
        "removed": int(np.count_nonzero(fates >= 0)),
        "errored": int(np.count_nonzero(fates == ERRORED)),
        "bytes_kept": int(sizes[kept].sum()),
        "annotated": annotated,
        "not_compared": not_compared,
        "uncovered": uncovered_kept,
        "changed": {
            str(position): _changed(task, path, fates, position) for position, path in args["edits"].items()
        },
    }
    return [finish(task, [Output(args["file"], table)], facts, started)]


def _changed(task: Task, path: str, fates: np.ndarray, position: int) -> int:
    """Return how many of the documents that reached an edit step it changed."""
    changed = pq.read_table(task.root / path, columns=["changed"], use_threads=False).column("changed")
    reached = (fates == ALIVE) | (fates > position)
    return int(np.count_nonzero(changed.fill_null(False).to_numpy() & reached))


def annotation_of(reason: pa.StructArray) -> np.ndarray:
    """Return bool[R]: which reasons record without removing."""
    return np.asarray(reason.field("annotation").to_numpy(zero_copy_only=False), bool)


def _errors(task: Task, documents: pa.Table) -> Reasons:
    errors = pq.read_table(task.root / task.args["errors"], use_threads=False)
    where = pc.index_in(_storage(errors.column("doc_id")), value_set=_storage(documents.column("doc_id")))
    rows = where.to_numpy().astype(np.int64)
    return rows, _plain_reasons("input", errors.column("reason").combine_chunks(), len(rows))


def _filter(task: Task, step: dict[str, Any], reached: np.ndarray) -> tuple[list[Reasons], np.ndarray]:
    """Return a filter's reasons, and the documents that reached it and no filter speaks of."""
    mask = np.zeros(task.args["rows"], bool)
    mask[reached] = True
    view = read_view(task.root, step, mask)
    found = view.reasons(reached)
    otherwise = step["resolved"]["otherwise"]
    left_out = reached[view.uncovered[reached]]
    if otherwise in {"drop", "annotate"}:
        found.append(not_covered(step["name"], left_out, annotation=otherwise == "annotate"))
    return found, left_out


def _dedup(task: Task, step: dict[str, Any]) -> list[Reasons]:
    removed = rows_of_part(task.root, step["removals"], REMOVALS, task.args["offset"], task.args["rows"])
    count = removed.num_rows
    exact = step["kind"] == "exact_dedup"
    value = pc.divide(
        removed.column("intersection").cast(pa.float64()), removed.column("union").cast(pa.float64())
    )
    found = [
        (
            removed.column("ordinal").to_numpy(),
            reason_array(
                step=pa.array([step["name"]] * count, pa.string()),
                rule=pa.array([step["kind"]] * count, pa.string()),
                value=value.combine_chunks() if isinstance(value, pa.ChunkedArray) else value,
                bound=pa.array(["same" if exact else "jaccard"] * count, pa.string()),
                limit=pa.nulls(count, pa.float64())
                if exact
                else pa.array([step["jaccard"]] * count, pa.float64()),
                annotation=pa.array([step["annotate"]] * count, pa.bool_()),
                keeper=_one(removed.column("keeper")),
            ),
        )
    ]
    if step.get("spent"):
        spent = rows_of_part(task.root, step["spent"], SPENT, task.args["offset"], task.args["rows"])
        rows = spent.column("ordinal").to_numpy()
        rule = pa.array(["verify_budget"] * len(rows), pa.string())
        found.append((rows, _plain_reasons(step["name"], rule, len(rows), annotation=True)))
    return found


def _not_compared(task: Task, step: dict[str, Any], reached: np.ndarray) -> Reasons:
    """Return the reasons of documents that reached a dedup step with nothing to compare them by."""
    rows = reached
    if len(reached):
        compared = np.zeros(task.args["rows"], bool)
        if step["kind"] == "exact_dedup":
            keys = pq.read_table(task.root / step["compared"], columns=["row"], use_threads=False)
            compared[keys.column("row").to_numpy()] = True
        else:
            sketch = pq.read_table(task.root / step["compared"], columns=["signature"], use_threads=False)
            compared = sketch.column("signature").is_valid().to_numpy()
        rows = reached[~compared[reached]]
    rule = pa.array([step["nothing"]] * len(rows), pa.string())
    return rows, _plain_reasons(step["name"], rule, len(rows), bound="not_compared", annotation=True)


def _plain_reasons(
    step: str, rule: pa.Array, count: int, *, bound: str | None = None, annotation: bool = False
) -> pa.StructArray:
    rule = (
        rule if isinstance(rule, pa.Array) else pa.concat_arrays(rule.chunks or [pa.array([], pa.string())])
    )
    return reason_array(
        step=pa.array([step] * count, pa.string()),
        rule=rule,
        bound=pa.array([bound] * count, pa.string()),
        annotation=pa.array([annotation] * count, pa.bool_()),
    )


def _decisions(task: Task, documents: pa.Table, fates: np.ndarray, pieces: list[Reasons]) -> pa.Table:
    rows = len(fates)
    names = {step["position"]: step["name"] for step in task.args["steps"]}
    links = rows_of_part(task.root, [task.args["links"]], LINKS, task.args["offset"], rows)
    place = np.zeros(rows, np.int64)
    linked = np.zeros(rows, bool)
    at = links.column("ordinal").to_numpy()
    place[at] = np.arange(len(at))
    linked[at] = True
    spread = links.take(pa.array(place, mask=~linked))
    action = np.where(fates == ALIVE, 0, np.where(fates == ERRORED, 2, 1))
    positions = pa.array(fates.astype(np.int64), mask=fates < 0)
    step_names = pa.array([names.get(index) for index in range(max(names, default=0) + 1)], pa.string())
    columns = [
        _one(documents.column("doc_id")),
        pa.array(["keep", "remove", "error"]).take(pa.array(action)),
        step_names.take(positions),
        _lists(pieces, rows),
        pa.ExtensionArray.from_storage(pa.uuid(), _one(spread.column("keeper"))),
        pa.ExtensionArray.from_storage(pa.uuid(), _one(spread.column("survivor"))),
        _one(spread.column("orphaned").fill_null(False)),
        _one(spread.column("cluster_size")),
    ]
    return pa.Table.from_arrays(columns, schema=DECISIONS)


def _lists(pieces: list[Reasons], rows: int) -> pa.ListArray:
    """Return the reasons of each document as a list, in step order."""
    at = np.concatenate([where for where, _ in pieces])
    reasons = pa.concat_arrays([reason for _, reason in pieces]).cast(REASON)
    order = np.argsort(at, kind="stable")
    offsets = np.zeros(rows + 1, np.int32)
    np.cumsum(np.bincount(at, minlength=rows), out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), reasons.take(pa.array(order)))


def _storage(column: pa.ChunkedArray) -> pa.Array:
    array = _one(column)
    return array.storage if isinstance(array, pa.ExtensionArray) else array


def _one(column: pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.Array):
        return column
    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined
