"""How a finished piece of work becomes visible: all of it, once, or not at all.

A name that exists is never half a file (`datagov.publishing`). A unit of work is done when its receipt exists; the
receipt names the unit's files with their digests and is published last. A crash before that leaves files nobody
refers to, which the next attempt finds or replaces. Readers follow receipts and run manifests only.

In an object store an object appears whole by itself, and a receipt is created on the condition that there is
none: of two attempts the first stands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from xxhash import xxh3_128_hexdigest

from datagov.encoding import ROW_GROUP_ROWS, encode_table
from datagov.errors import InputError, LedgerError
from datagov.places import is_url
from datagov.publishing import TEMPORARY, create, publish, publishing, replace, several
from datagov.store import StoreFolder

__all__ = [
    "ROW_GROUP_ROWS",
    "TEMPORARY",
    "FileRecord",
    "Folder",
    "Output",
    "Receipt",
    "claim",
    "commit",
    "encode_table",
    "file_size",
    "folder_of",
    "names_in",
    "publish",
    "put",
    "put_new",
    "read_bytes",
    "read_receipt",
    "replace",
]

Folder = Path | StoreFolder
"""An output folder: on this machine, or in an object store. `folder / path` is where a file can be read."""


@dataclass(frozen=True)
class Output:
    """One file of a unit of work: where it goes (relative to the output folder) and what it holds."""

    path: str
    data: pa.Table | bytes
    row_groups: Sequence[int] | None = None
    """Lengths of the Parquet row groups; None for a fixed size."""
    encodings: Mapping[str, str] = field(default_factory=dict)
    """Parquet encodings of single columns; the others use dictionaries where they pay."""
    rows: int = 0
    """Rows of a Parquet file that comes as bytes."""


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


def folder_of(place: str) -> Folder:
    """Return the output folder that a path or URL names."""
    return StoreFolder(place.rstrip("/")) if is_url(place) else Path(place)


def put_new(root: Folder, path: str, data: bytes) -> None:
    """Make a file of an output folder appear, as `publish` does; names follow from contents."""
    if isinstance(root, StoreFolder):
        root.put(path, data)
    else:
        publish(root / path, data)


def put(root: Folder, path: str, data: bytes) -> None:
    """Put a file of an output folder in place, as `replace` does."""
    if isinstance(root, StoreFolder):
        root.put(path, data)
    else:
        replace(root / path, data)


def claim(root: Folder, path: str, data: bytes) -> bool:
    """Put a file of an output folder in place unless there is one; return whether there was none."""
    return root.create(path, data) if isinstance(root, StoreFolder) else create(root / path, data)


def read_bytes(root: Folder, path: str) -> bytes | None:
    """Return a file of an output folder, or None where there is none."""
    if isinstance(root, StoreFolder):
        return root.read(path)
    try:
        return (root / path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def file_size(root: Folder, path: str) -> int | None:
    """Return the bytes of a file of an output folder, or None where there is none."""
    if isinstance(root, StoreFolder):
        return root.size(path)
    try:
        return (root / path).stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None


def names_in(root: Folder, folder: str = "") -> list[str]:
    """Return the names directly below a folder of an output folder, in order; none where it is not there."""
    if isinstance(root, StoreFolder):
        return root.names(folder)
    place = root / folder
    return sorted(entry.name for entry in place.iterdir()) if place.is_dir() else []


def commit(root: Folder, receipt_path: str, receipt_of: Receipt, outputs: Sequence[Output]) -> Receipt:
    """Publish a unit's files, then its receipt; return the receipt with the files filled in.

    Parameters
    ----------
    root : Path or StoreFolder
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
    place = nullcontext(root.put) if isinstance(root, StoreFolder) else publishing(root)
    with place as put_one, several(put_one, len(outputs)) as put_file:
        for output in outputs:
            if isinstance(output.data, bytes):
                rows, data = output.rows, output.data
            else:
                rows = output.data.num_rows
                data = encode_table(output.data, row_groups=output.row_groups, encodings=output.encodings)
            record = FileRecord(output.path, rows, len(data), xxh3_128_hexdigest(data))
            if published.get(output.path, record.digest) != record.digest:
                raise InputError(
                    f"{root}/{output.path}: belongs to an earlier run and would change. A shard was rewritten in place "
                    f"with the same size and footer, or this release measures something differently "
                    f"({receipt_of.stage} {receipt_of.unit}). Choose another output folder, so that the earlier run "
                    "stays true"
                )
            put_file(output.path, data)
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
    written = json.dumps(asdict(receipt), indent=1, sort_keys=True).encode()
    if isinstance(root, StoreFolder):
        if root.create(receipt_path, written):
            return receipt
        first = read_receipt(root, receipt_path, inputs=receipt.inputs)
        if first is not None:
            return first
    put(root, receipt_path, written)
    return receipt


def read_receipt(
    root: Folder, receipt_path: str, *, inputs: Mapping[str, Any] | None = None
) -> Receipt | None:
    """Return the receipt of a finished unit, or None if the unit has to be done (again).

    A unit counts as done when its receipt is readable, was made from the same `inputs`, and all its
    files are present with the recorded sizes.

    Raises
    ------
    LedgerError
        The receipt is there and is not a receipt.
    """
    found = read_bytes(root, receipt_path)
    if found is None:
        return None
    try:
        raw = json.loads(found)
        files = tuple(FileRecord(**record) for record in raw.pop("files"))
        receipt = Receipt(files=files, **raw)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise LedgerError(
            f"{root}/{receipt_path} is not a receipt ({error}); delete it and run again"
        ) from error
    if inputs is not None and dict(receipt.inputs) != dict(inputs):
        return None
    return receipt if all(file_size(root, file.path) == file.bytes for file in files) else None
