"""The texts to be scored: Parquet, JSONL, text files or stdin, with what names them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagov.columns import Columns, as_string, as_text, identity_column
from datagov.errors import ConfigError, InputError, did_you_mean
from datagov.ids import doc_ids, row_ids, value_ids
from datagov.text.normal import normal_bytes
from datagov.text.utf8 import invalid_rows

__all__ = ["FORMATS", "Texts", "read_texts"]

FORMATS = ("parquet", "jsonl", "text", "lines")
SUFFIXES = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".txt": "text"}


@dataclass(frozen=True)
class Texts:
    """N texts in the order they were given."""

    text: pa.LargeStringArray
    """NULL where the text is NULL or not UTF-8."""
    reasons: list[str | None]
    """Why a text cannot be scored: `null_text`, `not_utf8` or `empty_text`; else None."""
    id: pa.StringArray
    source: pa.StringArray
    doc_id: pa.Array
    """UUID: the input's own (a column `doc_id`), else made from the dataset and the text's id, else from its row."""
    columns: pa.Table
    """All columns of a Parquet or JSONL input, e.g. labels and dates; none for plain text."""

    def __len__(self) -> int:
        return len(self.text)

    @property
    def content_id(self) -> pa.Array:
        """UUID of what each text says up to normal form; NULL where it has no visible character."""
        return value_ids(normal_bytes(self.text.fill_null("")))

    @property
    def strings(self) -> list[str]:
        """The texts; the empty string where there is none."""
        return self.text.fill_null("").to_pylist()

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """bool[N]: whether a text can be scored."""
        return np.array([reason is None for reason in self.reasons], dtype=np.bool_)


def read_texts(
    place: str,
    *,
    text_column: str | None = None,
    id_column: str | None = None,
    form: str | None = None,
    dataset: str = "texts",
) -> Texts:
    """Read texts.

    Parameters
    ----------
    place : str
        A file, a folder of Parquet shards, or `-` for stdin.
    text_column : str or None
        Column (or JSON key) of the texts; None for `text`. A column `source` is that where there is one.
    id_column : str or None
        Column of their ids; None for `id` where there is one.
    form : str or None
        One of `FORMATS`; None for what the suffix says; stdin is one `text`. `text` is one text, whole;
        `lines` is a text a line.
    dataset : str
        Keeps equal ids of two collections apart where they are made into a doc_id.

    Raises
    ------
    ConfigError
        An unknown form, or a suffix that tells none.
    InputError
        The place does not exist, or does not hold what it should.
    """
    path = Path(place)
    if place != "-" and not path.exists():
        raise InputError(f"texts {place}: no such file or folder")
    form = form or _form_of(place, path)
    if form not in FORMATS:
        raise ConfigError(f"format {form!r} of texts {place} is not known. {did_you_mean(form, FORMATS)}")
    if form == "parquet":
        return _from_table(_parquet(path, place), text_column, id_column, place, dataset)
    raw = sys.stdin.buffer.read() if place == "-" else path.read_bytes()
    if form == "jsonl":
        return _from_table(_jsonl(raw, place, text_column or "text"), text_column, id_column, place, dataset)
    pieces = raw.splitlines() if form == "lines" else [raw]
    return _from_table(pa.table({"text": pa.array(pieces, pa.large_binary())}), None, None, place, dataset)


def _form_of(place: str, path: Path) -> str:
    if place == "-":
        return "text"
    if path.is_dir():
        return "parquet"
    if path.suffix not in SUFFIXES:
        raise ConfigError(
            f"texts {place}: cannot tell the format from {path.suffix or 'no suffix'!r}; "
            f"expected {', '.join(SUFFIXES)} or --format {'|'.join(FORMATS)}"
        )
    return SUFFIXES[path.suffix]


def _parquet(path: Path, place: str) -> pa.Table:
    files: list[Any] = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if place == "-":
        files = [io.BytesIO(sys.stdin.buffer.read())]
    if not files:
        raise InputError(f"texts {place}: no *.parquet file in this folder or below")
    tables = []
    for file in files:
        try:
            tables.append(pq.read_table(file))
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(
                f"texts {place if place == '-' else file}: cannot be read as Parquet ({' '.join(str(error).split())})"
            ) from error
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(
            f"texts {place}: its shards do not have the same columns ({' '.join(str(error).split())})"
        ) from error


def _jsonl(raw: bytes, place: str, text: str) -> pa.Table:
    """Return JSON lines as a table; only under the key `text` all values have to be of one kind."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(raw.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"texts {place}: line {number} is not JSON ({error})") from error
        if not isinstance(row, dict):
            raise InputError(
                f"texts {place}: line {number} is not a JSON object; expected e.g. {{'text': ...}}"
            )
        rows.append(row)
    if not rows:
        raise InputError(
            f"texts {place}: holds no JSON line; expected one object a line, e.g. {{'text': ...}}"
        )
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            columns[name] = _json_column(values, lenient=name != text)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise InputError(
                f"texts {place}: key {name!r} holds values of different kinds, and the texts are strings ({error})"
            ) from error
    return pa.table(columns)


def _json_column(values: Sequence[Any], *, lenient: bool) -> pa.Array:
    """Return one key's values.

    A text with lone surrogates, which UTF-8 cannot hold, becomes its bytes, and not UTF-8. Where `lenient`, values that Arrow
    cannot hold in one column become strings: those that are strings already as they are, the others as JSON.
    """
    try:
        return pa.array(values)
    except UnicodeEncodeError:
        if not lenient:
            return pa.array(
                [
                    value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
                    for value in values
                ]
            )
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        if not lenient:
            raise
    return pa.array([None if value is None else _as_json(value) for value in values], pa.string())


def _as_json(value: Any) -> str:
    """Return a string as it is, with lone surrogates escaped, and anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()


def _from_table(
    table: pa.Table, text_column: str | None, id_column: str | None, place: str, dataset: str
) -> Texts:
    named = Columns(
        text=text_column or "text",
        id=id_column or ("id" if "id" in table.column_names else None),
        source="source" if "source" in table.column_names else None,
    )
    for role, column in named.named().items():
        if column not in table.column_names:
            raise InputError(
                f"texts {place}: no column {column!r} for the {role}. {did_you_mean(column, table.column_names)}"
            )
    try:
        raw = as_text(table.column(named.text))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"texts {place}: column {named.text!r} is not text ({error})") from error
    broken = invalid_rows(raw)
    text = pc.if_else(pa.array(broken), pa.scalar(None, pa.large_binary()), raw).cast(pa.large_string())
    empty = pc.equal(pc.binary_length(raw), 0).fill_null(False).to_numpy(zero_copy_only=False)
    reasons = [
        "not_utf8" if bad else "null_text" if null else "empty_text" if nothing else None
        for bad, null, nothing in zip(
            broken, raw.is_null().to_numpy(zero_copy_only=False), empty, strict=True
        )
    ]
    own = _strings(table, named.id)
    return Texts(
        text=text,
        reasons=reasons,
        id=own,
        source=_strings(table, named.source),
        doc_id=_doc_ids(table, own, Path(place).name, dataset),
        columns=table,
    )


def _strings(table: pa.Table, column: str | None) -> pa.StringArray:
    if column is None:
        return pa.nulls(table.num_rows, pa.string())
    return as_string(table.column(column).combine_chunks())


def _doc_ids(table: pa.Table, own: pa.StringArray, name: str, dataset: str) -> pa.Array:
    column = identity_column(table.schema)
    if column is not None and not table.column(column).null_count:
        values = table.column(column).combine_chunks()
        storage = values.storage if isinstance(values, pa.ExtensionArray) else values
        return pa.ExtensionArray.from_storage(pa.uuid(), storage)
    if not own.null_count:
        return doc_ids(dataset, own)
    return row_ids(dataset, name, 0, table.num_rows)
