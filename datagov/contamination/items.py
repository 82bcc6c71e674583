"""The items of a benchmark, read from one file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from datagov.errors import ConfigError, did_you_mean

__all__ = ["Items", "read_items"]

SUFFIXES: Final = (".parquet", ".jsonl", ".txt")


@dataclass(frozen=True, eq=False)
class Items:
    """K items, in the order of the file."""

    texts: pa.LargeStringArray
    """An item's fields, joined by line feeds."""
    names: tuple[str, ...]
    """What the ledger calls each: its id, or its row."""


def read_items(path: Path, fields: Sequence[str], id_field: str) -> Items:
    """Read a benchmark.

    Parameters
    ----------
    path : Path
        `.parquet`, `.jsonl`, or `.txt` with an item a line (blank lines are none).
    fields : sequence of str
        Columns, or keys, that make up an item: strings, and lists or mappings of strings. Empty: `text`.
    id_field : str
        Column that names items; empty: they are named by their row, counted from 0 (a line's number less 1).

    Raises
    ------
    ConfigError
        The file cannot be read or has another form, lacks a field, or holds no text.
    """
    if path.suffix not in SUFFIXES:
        raise ConfigError(f"benchmark {path}: expected a file called {', '.join('*' + s for s in SUFFIXES)}.")
    try:
        if path.suffix == ".txt":
            if fields or id_field:
                raise ConfigError(
                    f"benchmark {path}: a text file has an item a line and no fields; leave `fields` and `id` out."
                )
            rows = [{"text": line} for line in path.read_text("utf-8-sig").split("\n")]
        elif path.suffix == ".jsonl":
            rows = jsonl_rows(path)
        else:
            rows = pq.read_table(path, use_threads=False).to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise ConfigError(f"benchmark {path}: cannot be read: {str(error).rstrip('.')}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"benchmark {path}: not UTF-8: {error}. Save the file as UTF-8.") from error
    texts, names = [], []
    for number, row in enumerate(rows):
        text = "\n".join(
            piece for field in fields or ("text",) for piece in strings(row, field, path, number)
        )
        if text.strip():
            texts.append(text)
            names.append(str(value_of(row, id_field, path, number)) if id_field else str(number))
    if not texts:
        raise ConfigError(
            f"benchmark {path}: holds no text in {', '.join(fields or ('text',))}; is it the right file?"
        )
    return Items(pa.array(texts, pa.large_string()), tuple(names))


def jsonl_rows(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file of JSON lines; blank lines are empty ones."""
    rows = []
    for number, line in enumerate(path.read_text("utf-8-sig").split("\n"), start=1):
        try:
            row = json.loads(line) if line.strip() else {}
        except ValueError as error:
            raise ConfigError(f"benchmark {path}: line {number} is not JSON: {error}.") from error
        if not isinstance(row, dict):
            raise ConfigError(f"benchmark {path}: line {number} is not a JSON object.")
        rows.append(row)
    return rows


def value_of(row: dict[str, Any], field: str, path: Path, number: int) -> Any:
    """Return a field of a row, or raise ConfigError that names those there are."""
    if field not in row:
        raise ConfigError(
            f"benchmark {path}: row {number} has no field {field!r}; it has {', '.join(map(str, row)) or 'none'}. "
            f"Say which make up an item: `fields: [...]`. {did_you_mean(field, list(row))}"
        )
    return row[field]


def strings(row: dict[str, Any], field: str, path: Path, number: int) -> list[str]:
    """Return the texts in one field; nothing of a blank line."""
    return (
        texts_in(value_of(row, field, path, number), f"benchmark {path}: row {number}, field {field!r}")
        if row
        else []
    )


def texts_in(value: Any, where: str) -> list[str]:
    """Return the strings in a value, in order; None holds none."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for inner in value for text in texts_in(inner, where)]
    if isinstance(value, bool | int | float):
        return [str(value)]
    raise ConfigError(f"{where}: holds {type(value).__name__}, expected text, or a list or mapping of texts.")
