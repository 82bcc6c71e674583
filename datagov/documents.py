"""Documents as they come in: Parquet shards, the columns that matter, and why one is set aside."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.columns import Columns, check_columns, without_views
from datagov.errors import DamagedShard, InputError
from datagov.ids import digest

__all__ = [
    "Shard",
    "Slice",
    "UnreadableShard",
    "damaged_shard",
    "list_shards",
    "micro_batches",
    "open_shard",
    "read_slice",
]


@dataclass(frozen=True)
class Shard:
    """One readable Parquet file of the input."""

    path: str
    """Relative to the input root, with forward slashes."""
    size: int
    mtime_ns: int
    footer: str
    """Digest of the file's footer: schema, row groups, statistics and offsets."""
    group_rows: tuple[int, ...]
    group_text_bytes: tuple[int, ...]
    """Uncompressed bytes of the text column by row group."""

    @property
    def rows(self) -> int:
        """Documents in the shard."""
        return sum(self.group_rows)


@dataclass(frozen=True)
class UnreadableShard:
    """A file that should be Parquet with the declared columns and is not."""

    path: str
    problem: str


@dataclass(frozen=True)
class Slice:
    """Consecutive row groups of one shard; `start` and `stop` are rows of the shard."""

    path: str
    groups: tuple[int, int]
    start: int
    stop: int
    whole: bool
    """Whether the slice is the whole shard."""

    @property
    def rows(self) -> int:
        """Documents in the slice."""
        return self.stop - self.start


def list_shards(
    root: Path, columns: Columns, extra: Mapping[str, str] | None = None
) -> tuple[list[Shard], list[UnreadableShard]]:
    """Return the Parquet files under `root` in path order, readable and unreadable apart.

    Parameters
    ----------
    root : Path
        A folder, or one Parquet file.
    columns : Columns
        Columns every shard must have.
    extra : mapping or None
        More of them: what names the column in the recipe -> the column.

    Raises
    ------
    InputError
        `root` does not exist, holds no Parquet file, or a readable shard lacks a declared column.
    """
    if not root.exists():
        raise InputError(f"input {root}: no such file or folder")
    if root.is_file():
        names = [root.name]
        base = root.parent
    else:
        base = root
        names = sorted(
            path.relative_to(root).as_posix()
            for path in root.rglob("*.parquet")
            if path.is_file()
            and not any(part.startswith((".", "_")) for part in path.relative_to(root).parts)
        )
    if not names:
        raise InputError(f"input {root}: no *.parquet file in this folder or below; expected Parquet shards")
    shards: list[Shard] = []
    broken: list[UnreadableShard] = []
    for name in names:
        try:
            shards.append(_look(base, name, columns, {**columns.required(), **(extra or {})}))
        except (pa.ArrowInvalid, OSError) as error:
            broken.append(UnreadableShard(name, " ".join(str(error).split())))
    return shards, broken


def open_shard(root: Path, path: str) -> pq.ParquetFile:
    """Open one shard below `root` (or `root` itself, when the input is a single file)."""
    return pq.ParquetFile(root if root.is_file() else root / path, memory_map=False)


def read_slice(
    root: Path, part: Slice, columns: Sequence[str] | None, *, batch_rows: int = 65_536
) -> Iterator[pa.RecordBatch]:
    """Yield the slice's record batches in row order.

    Parameters
    ----------
    root : Path
        The input root.
    part : Slice
        Which rows.
    columns : sequence of str or None
        Which columns; None for all.
    batch_rows : int
        Most rows a batch.

    Raises
    ------
    DamagedShard
        The shard changed since it was listed, or its pages are damaged.
    """
    try:
        with open_shard(root, part.path) as file:
            for batch in file.iter_batches(
                batch_size=batch_rows, row_groups=range(*part.groups), columns=columns, use_threads=False
            ):
                yield without_views(batch)
    except (pa.ArrowInvalid, OSError, IndexError) as error:
        raise damaged_shard(part.path, error, f"rows {part.start}-{part.stop} cannot be read") from error


def damaged_shard(path: str, error: Exception, what: str = "cannot be read") -> DamagedShard:
    """Return the error that says which shard could not be read, and why."""
    damaged = DamagedShard(f"{path}: {what} ({' '.join(str(error).split())})")
    damaged.shard = path
    return damaged


def _look(base: Path, name: str, columns: Columns, required: Mapping[str, str]) -> Shard:
    path = base / name
    status = path.stat()
    if status.st_size == 0:
        raise pa.ArrowInvalid("the file is empty (0 bytes)")
    with pq.ParquetFile(path) as file:
        metadata = file.metadata
        check_columns(file.schema_arrow, required, name)
        leaf = _leaf_index(metadata, columns.text)
        groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        return Shard(
            path=name,
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            footer=_footer_digest(path, status.st_size),
            group_rows=tuple(group.num_rows for group in groups),
            group_text_bytes=tuple(group.column(leaf).total_uncompressed_size for group in groups),
        )


def _leaf_index(metadata: Any, column: str) -> int:
    for index in range(metadata.num_columns):
        if metadata.schema.column(index).path == column:
            return index
    raise InputError(f"column {column!r} is nested; expected plain text")


def _footer_digest(path: Path, size: int) -> str:
    with path.open("rb") as file:
        file.seek(max(size - 8, 0))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(size - 8 - length, 0))
        return digest(file.read(length), os.fsencode(str(size)))


def micro_batches(lengths: np.ndarray, most_bytes: int) -> list[tuple[int, int]]:
    """Cut rows into runs of at most `most_bytes` of text; a larger text is a run of its own.

    Parameters
    ----------
    lengths : int64[N]
        Bytes of each text.
    most_bytes : int
        Cap on the sum of a run.

    Returns
    -------
    list of (start, stop)
        Covers 0..N in order.
    """
    ends = np.cumsum(lengths)
    runs = []
    start = 0
    while start < len(lengths):
        before = int(ends[start - 1]) if start else 0
        stop = max(int(np.searchsorted(ends, before + most_bytes, side="right")), start + 1)
        runs.append((start, stop))
        start = stop
    return runs
