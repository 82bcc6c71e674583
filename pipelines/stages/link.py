"""link: connected components of the alive candidates, and which range of the election each goes to."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.dedup.components import components
from datagov.storage import Output, Receipt
from pipelines.fates import ALIVE, load_fates
from pipelines.stage import Task, finish

__all__ = ["RANGE_DOCUMENTS", "apply"]

RANGE_DOCUMENTS = 4_000
"""Candidates that one election task aims at."""


def apply(task: Task) -> list[Receipt]:
    """Connect alive documents that share a bucket.

    `args`: buckets (files), parts (name, first ordinal and rows, in order), fates (file), members and
    memberships (where to write).

    Writes `members` (ordinal, range), ordered by ordinal; and `memberships` (ordinal,
    bucket), one row group a range. Facts: candidates, ranges, and where each part's members begin.
    """
    started = time.perf_counter()
    ordinals, buckets = _alive_memberships(task)
    documents, dense = np.unique(ordinals, return_inverse=True)
    first_of_bucket = np.ones(len(buckets), bool)
    first_of_bucket[1:] = buckets[1:] != buckets[:-1]
    star = dense[np.maximum.accumulate(np.where(first_of_bucket, np.arange(len(buckets)), 0))]
    label = components(len(documents), star[~first_of_bucket], dense[~first_of_bucket])
    ranges = max(1, -(-len(documents) // RANGE_DOCUMENTS))
    range_of = _ranges(label, ranges)
    members = pa.table({"ordinal": documents, "range": range_of})
    by_range = np.lexsort((buckets, ordinals, range_of[dense]))
    lengths = np.bincount(range_of[dense], minlength=ranges)
    memberships = pa.table({"ordinal": ordinals[by_range], "bucket": buckets[by_range]})
    packed = {"ordinal": "DELTA_BINARY_PACKED"}
    outputs = [
        Output(task.args["members"], members, encodings=packed),
        Output(task.args["memberships"], memberships, row_groups=lengths.tolist(), encodings=packed),
    ]
    firsts = [part["ordinal"] for part in task.args["parts"]]
    ends = [part["ordinal"] + part["rows"] for part in task.args["parts"]]
    facts = {
        "candidates": len(documents),
        "ranges": ranges if len(documents) else 0,
        "starts": np.searchsorted(documents, firsts).tolist(),
        "stops": np.searchsorted(documents, ends).tolist(),
    }
    return [finish(task, outputs, facts, started)]


def _alive_memberships(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Return (ordinal, dense bucket number) of alive documents in buckets with two of them or more."""
    fates = load_fates(task.root / task.args["fates"])
    first_ordinal = {part["name"]: part["ordinal"] for part in task.args["parts"]}
    ordinals, keys = [], []
    for path in task.args["buckets"]:
        table = pq.read_table(task.root / path, use_threads=False).combine_chunks()
        part = _one_array(table.column("part"))
        firsts = np.array([first_ordinal[name] for name in part.dictionary.to_pylist()], np.int64)
        ordinal = table.column("row").to_numpy()
        if len(ordinal):
            ordinal = ordinal + firsts[part.indices.to_numpy()]
        alive = np.asarray(fates[ordinal] == ALIVE)
        ordinals.append(ordinal[alive])
        keys.append(table.column("key").to_numpy()[alive])
    ordinal, key = np.concatenate(ordinals), np.concatenate(keys)
    order = np.lexsort((ordinal, key))
    ordinal, key = ordinal[order], key[order]
    fresh = np.ones(len(key), bool)
    fresh[1:] = key[1:] != key[:-1]
    number = np.cumsum(fresh) - 1
    shared = np.bincount(number, minlength=1)[number] > 1 if len(number) else np.zeros(0, bool)
    return ordinal[shared], number[shared]


def _one_array(column: pa.ChunkedArray) -> Any:
    combined = column.unify_dictionaries().combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        return combined.chunk(0) if combined.num_chunks else pa.array([], pa.string()).dictionary_encode()
    return combined


def _ranges(label: np.ndarray, ranges: int) -> np.ndarray:
    """Give every component, whole, to one of `ranges` ranges of about equal size, in label order."""
    if not len(label):
        return np.zeros(0, np.int32)
    _, place, sizes = np.unique(label, return_inverse=True, return_counts=True)
    before = np.cumsum(sizes) - sizes
    return np.asarray((before * ranges // len(label))[place], np.int32)
