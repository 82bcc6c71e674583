"""Answers kept until a result is whole: files whose names say what they hold, so that a damaged one counts as none."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from xxhash import xxh3_128_hexdigest

from datagov.storage import encode_table, publish

__all__ = ["keep", "kept"]


def keep(folder: Path, name: str, table: pa.Table) -> None:
    """Keep a table as `FOLDER/NAME.DIGEST.parquet`, the digest that of the file's bytes.

    Raises
    ------
    PartialRun
        The disk refused.
    """
    data = encode_table(table)
    publish(folder / f"{name}.{xxh3_128_hexdigest(data)}.parquet", data)


def kept(folder: Path, name: str) -> pa.Table | None:
    """Return the table that was kept under a name; None if there is none, or none that is as it was written."""
    for file in sorted(folder.glob(f"{name}.*.parquet")):
        data = file.read_bytes()
        if file.name == f"{name}.{xxh3_128_hexdigest(data)}.parquet":
            return pq.read_table(pa.BufferReader(data))
    return None
