"""Who the rows of a shard are: their doc_ids, and which of them a sample takes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.columns import as_string, identity_column
from datagov.errors import InputError
from datagov.ids import as_uuid, doc_ids, halves, row_ids

__all__ = ["doc_ids_of", "sampled"]


def doc_ids_of(
    dataset: str,
    named_by: str | None,
    batch: pa.RecordBatch,
    problem: np.ndarray | None,
    *,
    shard: str,
    first: int,
) -> pa.Array:
    """Return the doc_ids of consecutive rows of a shard, as a UUID array.

    Parameters
    ----------
    dataset : str
    named_by : str or None
        The column that names documents; None for their place in the shard.
    batch : RecordBatch of N rows
        With the columns of ids; one that an earlier export added goes before all others.
    problem : uint8[N] or None
        Rows that could not be read (> 0) and have no name are named by their place.
    shard, first : str, int
        The shard, and the row of the first document.

    Raises
    ------
    InputError
        A row without a problem has no name.
    """
    identity = identity_column(batch.schema)
    if identity is not None:
        column = batch.column(identity)
        storage = column.storage if isinstance(column, pa.ExtensionArray) else column
        _no_null(storage, identity, shard, first)
        return as_uuid(storage.to_pylist())
    if named_by is None:
        return row_ids(dataset, shard, first, batch.num_rows)
    ids = as_string(batch.column(named_by))
    nameless = ids.is_null().to_numpy(zero_copy_only=False) & (problem > 0) if problem is not None else None
    if nameless is None or not nameless.any():
        _no_null(ids, named_by, shard, first)
        return doc_ids(dataset, ids)
    # What could not be read has no id that could name it: its place does.
    places = row_ids(dataset, shard, first, len(ids))
    sound = ids.filter(pa.array(~nameless))
    _no_null(pc.if_else(pa.array(nameless), "", ids), named_by, shard, first)
    named = doc_ids(dataset, sound).storage
    mixed = pc.replace_with_mask(places.storage, pa.array(~nameless), named)
    return pa.ExtensionArray.from_storage(pa.uuid(), mixed)


def sampled(ids: pa.Array, fraction: float) -> np.ndarray:
    """Return bool[N]: whether a sample of so many takes the document; its doc_id alone decides."""
    high, _ = halves(ids)
    return np.asarray((high >> np.uint64(11)).astype(np.float64) * 2.0**-53 < fraction)


def _no_null(column: pa.Array, name: str, shard: str, first: int) -> None:
    if column.null_count:
        row = first + int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise InputError(
            f"{shard}:{row}: column {name!r} is NULL, and it names the documents. Fill it; or, if it is "
            "input.id, leave `id` out of the recipe to name documents by shard and row, and if it is a column of "
            "an earlier export, drop it"
        )
