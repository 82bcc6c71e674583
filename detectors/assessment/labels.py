"""Which texts are members: a table of labels, joined to scores."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from datagov.errors import InputError, did_you_mean

__all__ = ["read_labels"]

TRUE = {True, "1", "true", "member"}
FALSE = {False, "0", "false", "non-member", "non_member"}
KEYS = {"doc_id": pa.string(), "id": pa.string()}
"""Columns that rows are joined by; of a CSV file they are text, whose 007 is not 7."""
SHOWN = 60
"""Characters of a value that a message repeats."""


def read_labels(path: Path, scores: pa.Table, *, column: str = "label") -> npt.NDArray[np.float64]:
    """Return the label of each row of a scores table, float64[rows]: 1 a member, 0 a non-member, NaN not known.

    Parameters
    ----------
    path : Path
        Parquet, CSV or JSON lines. Rows are joined by `doc_id` or `id` where both tables have some, else the labels'
        row n belongs to text n, as when the texts themselves carry the labels.
    scores : pyarrow Table
        `documents.read_scores`.
    column : str
        Where the label stands: 1 or 0, true or false, member or non-member.

    Raises
    ------
    InputError
        The file cannot be read, has no such column, holds something else, or names a text twice differently.
    """
    table = _read(path)
    if column not in table.column_names:
        raise InputError(f"labels {path}: no column {column!r}. {did_you_mean(column, table.column_names)}")
    labels = [_label(value, path, row) for row, value in enumerate(table.column(column).to_pylist())]
    for key in KEYS:
        if key in table.column_names:
            keys, wanted = (_plain(one.column(key), key) for one in (table, scores))
            if any(keys) and any(wanted):
                return _joined(keys, labels, wanted, path, key)
    texts = scores.column("text").to_numpy()
    if len(labels) <= texts.max():
        raise InputError(
            f"labels {path}: has {len(labels)} rows and no id or doc_id that the scores have as well, and the scores name text "
            f"{texts.max()}; give labels with the texts' ids, or a row for each text"
        )
    return np.array(labels)[texts]


def _read(path: Path) -> pa.Table:
    readers = {
        ".parquet": pq.read_table,
        ".csv": partial(pa_csv.read_csv, convert_options=pa_csv.ConvertOptions(column_types=KEYS)),
        ".jsonl": pa_json.read_json,
        ".ndjson": pa_json.read_json,
    }
    if path.suffix not in readers:
        raise InputError(f"labels {path}: expected {', '.join(readers)}, not {path.suffix or 'no suffix'!r}")
    try:
        return readers[path.suffix](path)
    except FileNotFoundError:
        raise InputError(f"labels {path}: no such file") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"labels {path}: cannot be read ({error})") from error


def _label(value: Any, path: Path, row: int) -> float:
    plain = value.strip().lower() if isinstance(value, str) else value
    if plain is None or plain == "" or plain != plain:  # noqa: PLR0124 - only NaN differs from itself
        return float("nan")
    if isinstance(plain, bool | int | float | str):
        if plain in TRUE:
            return 1.0
        if plain in FALSE:
            return 0.0
    shown = repr(value) if len(repr(value)) <= SHOWN else f"{repr(value)[:SHOWN]}..."
    raise InputError(f"labels {path}:{row}: {shown} is no label; expected 1 or 0, member or non-member")


def _plain(column: pa.ChunkedArray, key: str) -> list[str | None]:
    """Return ids as strings, empty ones as None; of `doc_id` 32 hex digits, whether they are UUIDs, bytes or text."""
    return [None if value is None or value == "" else _name(value, key) for value in column.to_pylist()]


def _name(value: Any, key: str) -> str:
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, bytes):
        return value.hex() if key == "doc_id" else value.decode(errors="replace")
    return str(value).replace("-", "").lower() if key == "doc_id" else str(value)


def _joined(
    keys: list[str | None], labels: list[float], wanted: list[str | None], path: Path, key: str
) -> npt.NDArray[np.float64]:
    known: dict[str, float] = {}
    for row, (name, label) in enumerate(zip(keys, labels, strict=True)):
        if name is None or np.isnan(label):
            continue
        if known.setdefault(name, label) != label:
            raise InputError(
                f"labels {path}:{row}: {key} {name} is a member in one row and a non-member in another"
            )
    found = np.array([float("nan") if name is None else known.get(name, float("nan")) for name in wanted])
    if np.isnan(found).all():
        raise InputError(f"labels {path}: none of its {len(known)} values of {key} is that of a scored text")
    return found
