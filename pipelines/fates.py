"""Fates: for every document the step that removed it, as far as the cascade has been decided.

ALIVE and ERRORED are negative; any other value is the position of the removing step in the recipe.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.storage import Folder
from pipelines.sorted_runs import read_range

__all__ = ["ALIVE", "ERRORED", "alive_in", "fate_bytes", "load_fates", "read_alive", "rows_of_part"]

ALIVE = -1
ERRORED = -2


def fate_bytes(fates: np.ndarray) -> bytes:
    """Return int16[N] as the bytes of an .npy file."""
    sink = io.BytesIO()
    np.save(sink, fates.astype(np.int16), allow_pickle=False)
    return sink.getvalue()


def load_fates(path: Path) -> np.ndarray:
    """Return int16[N], mapped from disk rather than read."""
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def alive_in(root: Folder, path: str) -> np.ndarray:
    """Return bool[N]: which documents of a part are alive, by the file of its fates."""
    fates = pq.read_table(root / path, use_threads=False).column("fate").to_numpy()
    return np.asarray(fates == ALIVE)


def rows_of_part(root: Folder, files: Sequence[str], schema: pa.Schema, offset: int, rows: int) -> pa.Table:
    """Return the rows of some tables that fall in one part, ordered by `ordinal`, made part-relative.

    Parameters
    ----------
    root : Path or StoreFolder
        The output folder.
    files : sequence of str
        Tables of `schema`, which has a column `ordinal`; there may be none.
    schema : pyarrow.Schema
    offset, rows : int
        Ordinal of the part's first document, and how many it has.
    """
    tables = [schema.empty_table()]
    for path in files:
        table = pq.read_table(
            root / path,
            filters=[("ordinal", ">=", offset), ("ordinal", "<", offset + rows)],
            use_threads=False,
        )
        tables.append(table)
    table = pa.concat_tables(tables).combine_chunks()
    ordinal = table.column("ordinal").to_numpy() - offset
    table = table.set_column(table.schema.get_field_index("ordinal"), "ordinal", pa.array(ordinal))
    return table.take(pa.array(np.argsort(ordinal, kind="stable")))


def read_alive(
    root: Folder, runs: Sequence[Mapping[str, Any]], bounds: tuple[int, int], fates: str
) -> pa.Table:
    """Return the rows of some runs in a range of key prefixes that are of alive documents.

    Parameters
    ----------
    root : Path or StoreFolder
    runs : sequence of mapping
        `file`, `offsets` and `ordinal` (of the part's first document) of each part; the files have a column `row`,
        in place of which the result has the document's `ordinal`.
    bounds : (int, int)
    fates : str
        File of all fates.
    """
    found = load_fates(root / fates)
    pieces = []
    for run in runs:
        piece = read_range(root, run["file"], run["offsets"], bounds)
        ordinal = piece.column("row").to_numpy().astype(np.int64) + run["ordinal"]
        piece = piece.set_column(piece.schema.get_field_index("row"), "ordinal", pa.array(ordinal))
        pieces.append(piece.filter(pa.array(found[ordinal] == ALIVE)))
    return pa.concat_tables(pieces)
