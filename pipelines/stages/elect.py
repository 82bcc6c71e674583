"""elect: read the candidates of one range, verify on the text, and decide who stays."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagov.dedup.buckets import by_document
from datagov.dedup.elect import Election, elect
from datagov.dedup.jaccard import shingle_sets
from datagov.dedup.keeper import KeepPolicy
from datagov.dedup.shingle import shingle_hashes
from datagov.documents import micro_batches
from datagov.errors import LedgerError
from datagov.ledger.tables import PAIRS
from datagov.storage import Output, Receipt
from datagov.text.batch import TextBatch
from pipelines.carry import fixed_bytes, joined
from pipelines.removals import SPENT, in_keep_order, removals
from pipelines.stage import Task, finish
from pipelines.texts import MICRO_BATCH_BYTES

__all__ = ["apply"]


def apply(task: Task) -> list[Receipt]:
    """Hold the elections of one range.

    `args`: range, gathered (file and its row group for this range, by part), memberships (file), keep
    (policy), shingle, jaccard (threshold), tries, pairs, removals and spent (where to write).
    """
    started = time.perf_counter()
    args = task.args
    table = _candidates(task)
    sets, set_offsets, chars = _shingle_sets(table.column("text"), args["shingle"])
    table = table.append_column("chars", pa.array(chars))
    order = in_keep_order(KeepPolicy.parse(args["keep"]), table)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    bucket_ids, bucket_offsets = _buckets(task, table, place)
    ordered_sets, ordered_offsets = _reorder(sets, set_offsets, order)
    signature = fixed_bytes(table.column("signature"))[order]
    held = elect(
        ordered_sets,
        ordered_offsets,
        bucket_ids,
        bucket_offsets,
        signature,
        threshold=args["jaccard"],
        max_tries=args["tries"],
    )
    outputs, facts = _record(args, table, order, held, signature.shape[1])
    return [finish(task, outputs, facts, started)]


def _candidates(task: Task) -> pa.Table:
    pieces = []
    for entry in task.args["gathered"]:
        with pq.ParquetFile(task.root / entry["file"]) as file:
            pieces.append(file.read_row_group(entry["group"], use_threads=False))
    return joined(pieces)


def _shingle_sets(texts: pa.ChunkedArray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the shingle sets of all texts (hashes, offsets) and their lengths in code points."""
    sets: list[np.ndarray] = []
    sizes: list[np.ndarray] = []
    chars: list[np.ndarray] = []
    for array in texts.chunks:
        lengths = pc.binary_length(array).to_numpy().astype(np.int64)
        for start, stop in micro_batches(lengths, MICRO_BATCH_BYTES):
            batch = TextBatch(pa.concat_arrays([array.slice(start, stop - start)]))
            shingles, offsets = shingle_hashes(batch.tokens.hash, batch.tokens.offsets, k=k)
            distinct, distinct_offsets = shingle_sets(shingles, offsets)
            sets.append(distinct)
            sizes.append(np.diff(distinct_offsets))
            chars.append(batch.chars)
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64)
    return np.concatenate(sets), offsets, np.concatenate(chars)


def _buckets(task: Task, table: pa.Table, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the buckets of every document in keep order, as CSR."""
    with pq.ParquetFile(task.root / task.args["memberships"]) as file:
        memberships = file.read_row_group(task.args["range"], use_threads=False)
    ordinal = table.column("ordinal").to_numpy()
    by_ordinal = np.argsort(ordinal, kind="stable")
    wanted = memberships.column("ordinal").to_numpy()
    if not np.isin(wanted, ordinal).all():
        raise LedgerError(f"{task.unit}: candidates are missing from what was gathered; please report this")
    row = by_ordinal[np.searchsorted(ordinal[by_ordinal], wanted)]
    return by_document(memberships.column("bucket").to_numpy(), place[row], len(ordinal))


def _reorder(values: np.ndarray, offsets: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put the runs of a CSR array in another order."""
    sizes = np.diff(offsets)[order]
    new_offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    index = np.repeat(offsets[:-1][order] - new_offsets[:-1], sizes) + np.arange(new_offsets[-1])
    return values[index], new_offsets


def _record(
    args: Any, table: pa.Table, order: np.ndarray, held: Election, permutations: int
) -> tuple[list[Output], dict[str, Any]]:
    doc_id = pa.concat_arrays(table.column("doc_id").chunks)
    evaluated = len(held.pair_a)
    ids = [
        pa.ExtensionArray.from_storage(pa.uuid(), doc_id.take(pa.array(order[side])))
        for side in (held.pair_a, held.pair_b)
    ]
    pairs = pa.Table.from_arrays(
        [
            *ids,
            pa.array(held.shared_bands),
            pa.array(held.agreeing_rows),
            pa.array(np.full(evaluated, permutations, np.int32)),
            pa.array(held.intersection),
            pa.array(held.union),
            pa.array(held.verified),
        ],
        schema=PAIRS,
    )
    # A removed document's last evaluated pair is the one that removed it.
    passed = np.flatnonzero(held.verified)
    found = removals(
        table,
        removed=order[held.pair_a[passed]],
        keeper=order[held.pair_b[passed]],
        intersection=held.intersection[passed],
        union=held.union[passed],
    )
    spent = np.sort(table.column("ordinal").to_numpy()[order[np.flatnonzero(held.budget_spent)]])
    outputs = [
        Output(args["pairs"], pairs, encodings={"a": "PLAIN", "b": "PLAIN"}),
        Output(args["removals"], found),
        Output(args["spent"], pa.table({"ordinal": spent}, schema=SPENT)),
    ]
    facts = {"pairs": evaluated, "removed": found.num_rows, "budget_spent": len(spent)}
    return outputs, facts
