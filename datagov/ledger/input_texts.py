"""Reading the text of a few documents back from the input shards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from datagov.columns import as_text
from datagov.documents import open_shard
from datagov.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datagov.ledger.reader import Ledger

__all__ = ["Place", "input_root", "read_texts"]


@dataclass(frozen=True)
class Place:
    """Where a document stands in the input, and how long its text was when it was measured."""

    shard: str
    row: int
    bytes: int | None


def input_root(ledger: Ledger, override: Path | None) -> Path:
    """Return the input's file or folder: `override`, or the path in the run's manifest.

    A relative path is looked for from the working folder, then from the output folder.

    Raises
    ------
    InputError
        If it is not there.
    """
    if override is not None:
        if not override.exists():
            raise InputError(f"There is no input at {override}.")
        return override
    recorded = Path(str(ledger.manifest["input"]["path"]))
    for candidate in (recorded, ledger.root / recorded):
        if candidate.exists():
            return candidate
    raise InputError(
        f"The input of {ledger.root}@{ledger.run_id} is no longer at {recorded}. Say where it is with --input PATH."
    )


def read_texts(ledger: Ledger, places: Sequence[Place], *, override: Path | None = None) -> list[str | None]:
    """Return the documents' texts as they stand in the input, in the order of `places`.

    None where the text is NULL, not UTF-8, or no longer as long as when it was measured: then the
    shard was rewritten since the run, and what stands there is another document.

    Raises
    ------
    InputError
        If the input, a shard or a row is not there.
    """
    root = input_root(ledger, override)
    column = str(ledger.manifest["input"]["columns"]["text"])
    by_shard: dict[str, list[int]] = {}
    for index, place in enumerate(places):
        by_shard.setdefault(place.shard, []).append(index)
    texts: list[str | None] = [None] * len(places)
    for shard, indices in sorted(by_shard.items()):
        rows = [places[index].row for index in indices]
        for index, text in zip(indices, read_rows(root, shard, column, rows), strict=True):
            expected = places[index].bytes
            if text is not None and (expected is None or len(text) == expected):
                texts[index] = decoded(text)
    return texts


def decoded(text: bytes) -> str | None:
    """Return UTF-8 text, or None."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return None


def read_rows(root: Path, shard: str, column: str, rows: Sequence[int]) -> list[bytes | None]:
    """Return one column's values at some rows of a shard, reading only the row groups that hold them."""
    found: dict[int, bytes | None] = {}
    try:
        with open_shard(root, shard) as file:
            start = 0
            for group in range(file.num_row_groups):
                stop = start + file.metadata.row_group(group).num_rows
                inside = sorted({row for row in rows if start <= row < stop})
                if inside:
                    values = as_text(file.read_row_group(group, columns=[column]).column(column))
                    for row in inside:
                        found[row] = values[row - start].as_py()
                start = stop
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{root}: shard {shard} cannot be read: {reason}. Say where it is with --input."
        ) from error
    missing = [row for row in rows if row not in found]
    if missing:
        raise InputError(f"{root}: shard {shard} has no row {missing[0]}: it has changed since the run.")
    return [found[row] for row in rows]
