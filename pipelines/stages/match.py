"""match: documents that share a band key, in one range of keys."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.dedup.buckets import group, split
from datagov.ledger.tables import BUCKETS, TEMPLATES
from datagov.storage import Output, Receipt
from pipelines.sorted_runs import read_range
from pipelines.stage import Task, finish

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Find the buckets of one range of keys, over all sketched documents whatever their fate.

    `args`: runs (part, file, offsets, first ordinal, signatures file of each part), bounds, cap,
    buckets and templates (where to write).
    """
    started = time.perf_counter()
    runs: list[dict[str, Any]] = task.args["runs"]
    pieces = [read_range(task.root, run["file"], run["offsets"], task.args["bounds"]) for run in runs]
    keys = np.concatenate([piece.column("key").to_numpy() for piece in pieces])
    members = np.concatenate(
        [
            piece.column("row").to_numpy().astype(np.int64) + run["ordinal"]
            for piece, run in zip(pieces, runs, strict=True)
        ]
    )
    order, starts = group(keys, members)
    keys, members = keys[order], members[order]
    sizes = np.diff(starts)
    keys, members, templates = _split_large(task, keys, members, starts, sizes)
    by_key = np.lexsort((members, keys))
    buckets = _bucket_table(runs, keys[by_key], members[by_key])
    packed = {"key": "DELTA_BINARY_PACKED", "row": "DELTA_BINARY_PACKED"}
    outputs = [
        Output(task.args["buckets"], buckets, encodings=packed),
        Output(task.args["templates"], templates),
    ]
    facts = {
        "entries": sum(piece.num_rows for piece in pieces),
        "memberships": buckets.num_rows,
        "templates": templates.num_rows,
    }
    return [finish(task, outputs, facts, started)]


def _split_large(
    task: Task, keys: np.ndarray, members: np.ndarray, starts: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, pa.Table]:
    cap = task.args["cap"]
    large = np.flatnonzero(sizes > cap)
    found: dict[str, list[int]] = {"key": [], "members": [], "split_into": []}
    if not len(large):
        return keys, members, pa.table(found, schema=TEMPLATES)
    stays = np.repeat(sizes <= cap, sizes)
    new_keys, new_members = [keys[stays]], [members[stays]]
    for bucket in large:
        inside = members[starts[bucket] : starts[bucket + 1]]
        key = int(keys[starts[bucket]])
        order, part_starts, part_keys = split(key, inside, _signatures(task, inside), cap=cap)
        new_members.append(inside[order])
        new_keys.append(np.repeat(part_keys, np.diff(part_starts)))
        found["key"].append(key)
        found["members"].append(len(inside))
        found["split_into"].append(len(part_keys))
    return np.concatenate(new_keys), np.concatenate(new_members), pa.table(found, schema=TEMPLATES)


def _signatures(task: Task, ordinals: np.ndarray) -> np.ndarray:
    """Read the one-byte signatures of some documents, given in ascending order."""
    pieces = []
    for run in task.args["runs"]:
        first, last = np.searchsorted(ordinals, (run["ordinal"], run["ordinal"] + run["rows"]))
        if first == last:
            continue
        column = (
            pq.read_table(task.root / run["signatures"], use_threads=False)
            .column("signature")
            .combine_chunks()
        )
        rows = pa.array(ordinals[first:last] - run["ordinal"])
        taken = (
            column.take(rows) if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks).take(rows)
        )
        width = taken.type.byte_width
        raw = np.frombuffer(taken.buffers()[1], np.uint8).reshape(-1, width)
        pieces.append(raw[taken.offset : taken.offset + len(taken)])
    return np.concatenate(pieces)


def _bucket_table(runs: list[dict[str, Any]], keys: np.ndarray, members: np.ndarray) -> pa.Table:
    firsts = np.array([run["ordinal"] for run in runs], np.int64)
    part = np.searchsorted(firsts, members, side="right") - 1
    names = pa.array([run["part"] for run in runs], pa.string())
    codes = pa.array(part.astype(np.int32))
    rows = members - firsts[part] if len(members) else members
    return pa.Table.from_arrays(
        [pa.array(keys), pa.DictionaryArray.from_arrays(codes, names), pa.array(rows)], schema=BUCKETS
    )
