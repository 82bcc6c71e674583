"""How a finished piece of work becomes visible: all of it, once, or not at all.

A file is written beside its final name, flushed to disk and linked to the name; a name that exists
is never half a file. A unit of work is done when its receipt exists; the receipt names the unit's
files with their digests and is published last. A crash before that leaves files nobody refers to,
which the next attempt finds or replaces. Readers follow receipts and run manifests only.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from xxhash import xxh3_128_hexdigest

from datagov.errors import InputError, LedgerError, PartialRun

__all__ = [
    "FileRecord",
    "Output",
    "Receipt",
    "commit",
    "encode_table",
    "publish",
    "read_receipt",
    "replace",
    "sweep",
]

ROW_GROUP_ROWS = 131_072

TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")
"""Names under which files are written before they get their own."""


@dataclass(frozen=True)
class Output:
    """One file of a unit of work: where it goes (relative to the output folder) and what it holds."""

    path: str
    data: pa.Table | bytes
    row_groups: Sequence[int] | None = None
    """Lengths of the Parquet row groups; None for a fixed size."""
    encodings: Mapping[str, str] = field(default_factory=dict)
    """Parquet encodings of single columns; the others use dictionaries where they pay."""


@dataclass(frozen=True)
class FileRecord:
    """One published file: path relative to the output folder, rows (0 for other than Parquet)."""

    path: str
    rows: int
    bytes: int
    digest: str


@dataclass(frozen=True)
class Receipt:
    """Proof that a unit of work is done."""

    stage: str
    unit: str
    files: tuple[FileRecord, ...]
    facts: Mapping[str, Any]
    """Counts and other small results; part of the record, equal for equal inputs."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """What the unit was made from that is not already in its name, e.g. modification times."""
    seconds: float = 0.0
    spent: Mapping[str, float] = field(default_factory=dict)
    """Seconds by step, where a unit works for several."""

    @property
    def digest(self) -> str:
        """32 hex digits naming the contents of the unit's files and its facts, not its timing."""
        record = [[file.path, file.digest] for file in self.files]
        return xxh3_128_hexdigest(json.dumps([record, dict(self.facts)], sort_keys=True).encode())


def encode_table(
    table: pa.Table, *, row_groups: Sequence[int] | None = None, encodings: Mapping[str, str] | None = None
) -> bytes:
    """Return `table` as the bytes of one Parquet file; equal tables give equal bytes."""
    sink = pa.BufferOutputStream()
    chosen = dict(encodings or {})
    plain = [name for name in table.column_names if name not in chosen]
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        use_dictionary=plain,
        column_encoding=chosen or None,
        write_statistics=True,
        store_schema=True,
    ) as writer:
        start = 0
        for length in row_groups if row_groups is not None else _fixed(table.num_rows):
            writer.write_table(table.slice(start, length), row_group_size=max(length, 1))
            start += length
    return sink.getvalue().to_pybytes()


def publish(path: Path, data: bytes) -> None:
    """Make `data` appear at `path`, whole and on disk, unless the same bytes are already there.

    Raises
    ------
    PartialRun
        The disk refused the bytes (full, read-only); what was committed before stays.
    """
    with _writing(path, data) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            # A file without a receipt is an earlier attempt that was cut off: ours is as good, or newer.
            if path.read_bytes() != data:
                temporary.replace(path)


def replace(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step, whatever was there; for receipts and run manifests.

    Raises
    ------
    PartialRun
        As for `publish`.
    """
    with _writing(path, data) as temporary:
        temporary.replace(path)


def commit(root: Path, receipt_path: str, receipt_of: Receipt, outputs: Sequence[Output]) -> Receipt:
    """Publish a unit's files, then its receipt; return the receipt with the files filled in.

    Parameters
    ----------
    root : Path
        The output folder.
    receipt_path : str
        Where the receipt goes, relative to `root`.
    receipt_of : Receipt
        The receipt without its files.
    outputs : sequence of Output
        The unit's files.

    Raises
    ------
    InputError
        The unit was done before with other results, which earlier runs refer to.
    """
    before = read_receipt(root, receipt_path)
    published = {file.path: file.digest for file in before.files} if before is not None else {}
    records = []
    for output in outputs:
        if isinstance(output.data, bytes):
            rows, data = 0, output.data
        else:
            rows = output.data.num_rows
            data = encode_table(output.data, row_groups=output.row_groups, encodings=output.encodings)
        record = FileRecord(output.path, rows, len(data), xxh3_128_hexdigest(data))
        if published.get(output.path, record.digest) != record.digest:
            raise InputError(
                f"{root / output.path}: belongs to an earlier run and would change. A shard was rewritten in place "
                f"with the same size and footer, or this release measures something differently ({receipt_of.stage} "
                f"{receipt_of.unit}). Choose another output folder, so that the earlier run stays true"
            )
        publish(root / output.path, data)
        records.append(record)
    receipt = Receipt(
        stage=receipt_of.stage,
        unit=receipt_of.unit,
        files=tuple(records),
        facts=receipt_of.facts,
        inputs=receipt_of.inputs,
        seconds=receipt_of.seconds,
        spent=receipt_of.spent,
    )
    replace(root / receipt_path, json.dumps(asdict(receipt), indent=1, sort_keys=True).encode())
    return receipt


def read_receipt(root: Path, receipt_path: str, *, inputs: Mapping[str, Any] | None = None) -> Receipt | None:
    """Return the receipt of a finished unit, or None if the unit has to be done (again).

    A unit counts as done when its receipt is readable, was made from the same `inputs`, and all its
    files are present with the recorded sizes.

    Raises
    ------
    LedgerError
        The receipt is there and is not a receipt.
    """
    path = root / receipt_path
    try:
        raw = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise LedgerError(f"{path} is not a receipt ({error}); delete it and run again") from error
    files = tuple(FileRecord(**record) for record in raw.pop("files"))
    receipt = Receipt(files=files, **raw)
    if inputs is not None and dict(receipt.inputs) != dict(inputs):
        return None
    for file in files:
        try:
            if (root / file.path).stat().st_size != file.bytes:
                return None
        except FileNotFoundError:
            return None
    return receipt


def sweep(root: Path, *, spare: Collection[Path] = ()) -> None:
    """Remove the files that killed writers left unfinished; for who knows that nobody writes below `root`.

    A writer that is alive nevertheless loses the file it is at, fails, and has harmed nothing.

    Parameters
    ----------
    root : Path
    spare : collection of Path
        Folders below `root` where somebody may be writing.
    """
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if Path(folder) / name not in spare]
        for name in filter(TEMPORARY.fullmatch, names):
            with suppress(OSError):
                (Path(folder) / name).unlink()


def _fixed(rows: int) -> list[int]:
    whole, rest = divmod(rows, ROW_GROUP_ROWS)
    return [ROW_GROUP_ROWS] * whole + ([rest] if rest or not whole else [])


@contextmanager
def _writing(path: Path, data: bytes) -> Iterator[Path]:
    """Give `data` as a file beside `path`, on disk, to be put in its place; afterwards sync the folder."""
    temporary = path.parent / f".{path.name}.{secrets.token_hex(6)}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
        _sync_folder(path.parent)
    except OSError as error:
        raise PartialRun(
            f"cannot write {path}: {error.strerror}; what was committed before is kept. "
            "Make room or choose another output folder, then run again to resume"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
