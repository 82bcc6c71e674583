"""Removals: the outcome of a dedup step, one row a removed document or unit of text, in ordinal order; and what they link."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from datagov.dedup.keeper import KeepPolicy

__all__ = [
    "EXCERPTS",
    "KEEP_PREFIX",
    "LINKS",
    "REMOVALS",
    "REPEATED",
    "SIFTED",
    "SPENT",
    "in_keep_order",
    "removals",
]

KEEP_PREFIX = "keep."
"""Before the name of an input column that is carried along for the keep policy."""

REMOVALS = pa.schema(
    [
        pa.field("ordinal", pa.int64(), nullable=False),
        pa.field("keeper_ordinal", pa.int64(), nullable=False),
        pa.field("keeper", pa.binary(16), nullable=False),
        pa.field("intersection", pa.int64()),
        pa.field("union", pa.int64()),
    ]
)
"""`ordinal` is the document's place in the run, part after part; intersection and union are NULL where
equality was the test."""

SPENT = pa.schema([pa.field("ordinal", pa.int64(), nullable=False)])
"""Documents kept although candidates were left untried."""

LINKS = pa.schema(
    [
        pa.field("ordinal", pa.int64(), nullable=False),
        pa.field("keeper", pa.binary(16)),
        pa.field("survivor", pa.binary(16)),
        pa.field("orphaned", pa.bool_(), nullable=False),
        pa.field("cluster_size", pa.int64(), nullable=False),
    ]
)
"""One row a document of a duplicate cluster, in ordinal order; keeper and survivor are NULL for the one
at the end of the chain."""


REPEATED = pa.schema(
    [
        pa.field("ordinal", pa.int64(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("keeper_ordinal", pa.int64()),
        pa.field("keeper_start", pa.int64()),
        pa.field("copies", pa.int64(), nullable=False),
    ]
)
"""One row a unit of text that goes, by ordinal and start: where the one that stays stands, NULL where none does, and how
often it stands there. Positions in code points of the documents' texts."""


SIFTED = pa.schema(
    [
        pa.field("ordinal", pa.int64(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("place", pa.int64(), nullable=False),
        pa.field("key", pa.uint64(), nullable=False),
    ]
)
"""One row an anchor that stands in several places: where its windows stand, and where it begins itself."""

EXCERPTS = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("ordinal", pa.int64(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("place", pa.int64(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
    ]
)
"""The text from `start` that holds an anchor's windows."""


def in_keep_order(policy: KeepPolicy, table: pa.Table) -> np.ndarray:
    """Return the rows of `table` best first; it holds chars, doc_id, ordinal and `keep.*` columns."""
    columns = {
        name.removeprefix(KEEP_PREFIX): table.column(name)
        for name in table.column_names
        if name.startswith(KEEP_PREFIX) or name in {"chars", "doc_id", "ordinal"}
    }
    return policy.order(pa.table(columns))


def removals(
    table: pa.Table,
    *,
    removed: np.ndarray,
    keeper: np.ndarray,
    intersection: np.ndarray | None = None,
    union: np.ndarray | None = None,
) -> pa.Table:
    """Return the removals table for rows of `table` that are removed for other rows of it.

    Parameters
    ----------
    table : pyarrow.Table
        With columns ordinal and doc_id.
    removed, keeper : int64[R]
        Rows of `table`.
    intersection, union : int64[R] or None
        The evidence; None where equality was the test.
    """
    ordinal = table.column("ordinal").to_numpy()
    order = np.argsort(ordinal[removed], kind="stable")
    removed, keeper = removed[order], keeper[order]
    count = len(removed)
    doc_ids = table.column("doc_id").combine_chunks()
    doc_ids = doc_ids if isinstance(doc_ids, pa.Array) else pa.concat_arrays(doc_ids.chunks)
    return pa.Table.from_arrays(
        [
            pa.array(ordinal[removed]),
            pa.array(ordinal[keeper]),
            doc_ids.take(pa.array(keeper)),
            pa.nulls(count, pa.int64()) if intersection is None else pa.array(intersection[order]),
            pa.nulls(count, pa.int64()) if union is None else pa.array(union[order]),
        ],
        schema=REMOVALS,
    )
