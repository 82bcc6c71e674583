"""The columns of a shard: which holds what, whether they are there, and how their values are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.errors import InputError, did_you_mean

__all__ = [
    "IDENTITY_COLUMNS",
    "TEXT",
    "Choice",
    "Columns",
    "as_string",
    "as_text",
    "check_columns",
    "identity_column",
    "text_sizes",
    "without_views",
]

IDENTITY_COLUMNS = ("doc_id", "datagov_doc_id")
"""A column of UUIDs with one of these names, as an earlier run exports it, is the documents' identity; the
second name is used where the input has a column of its own with the first."""


TEXT = "input.text"
"""The recipe's key for the text column."""

Choice = Callable[[pa.Schema], Sequence[str] | None]
"""Which of a shard's columns to read, asked when they are known; None for all."""


@dataclass(frozen=True)
class Columns:
    """Which input column holds what; only `text` is required."""

    text: str = "text"
    id: str | None = None
    source: str | None = None
    url: str | None = None
    opt_out: str | None = None

    def named(self) -> dict[str, str]:
        """Return role -> column for the roles that have a column."""
        roles = {
            "text": self.text,
            "id": self.id,
            "source": self.source,
            "url": self.url,
            "opt_out": self.opt_out,
        }
        return {role: column for role, column in roles.items() if column is not None}

    def required(self) -> dict[str, str]:
        """Return the key of the recipe that names a column -> the column."""
        return {f"input.{role}": column for role, column in self.named().items()}

    def resolve(self, name: str) -> str:
        """Return the input column for a role's name, or `name` itself."""
        return self.named().get(name, name)


def identity_column(schema: pa.Schema) -> str | None:
    """Return the name of the column that holds the documents' identity, or None if there is none."""
    for name in reversed(IDENTITY_COLUMNS):
        if name in schema.names and schema.field(name).type in (pa.uuid(), pa.binary(16)):
            return name
    return None


def check_columns(schema: pa.Schema, columns: Mapping[str, str], where: str) -> None:
    """Check that every named column is present once, and that text is text.

    Parameters
    ----------
    schema : pyarrow.Schema
        The shard's schema.
    columns : mapping
        What names the column in the recipe (`input.text`, `step 'near_dedup'`) -> its name.
    where : str
        The shard, for the message.

    Raises
    ------
    InputError
    """
    for what, name in columns.items():
        count = schema.names.count(name)
        if count == 0:
            raise InputError(
                f"{where}: no column {name!r}, which {what} names. {did_you_mean(name, schema.names)}"
            )
        if count > 1:
            raise InputError(f"{where}: {count} columns are called {name!r}, which {what} names")
    if TEXT not in columns:
        return
    text_type = schema.field(columns[TEXT]).type
    if pa.types.is_dictionary(text_type):
        text_type = text_type.value_type
    if not _is_text(text_type):
        raise InputError(
            f"{where}: column {columns[TEXT]!r} is {text_type}, expected string, large_string or binary (UTF-8)"
        )


def without_views(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with string views as strings: Arrow cannot take or filter views yet."""
    plain = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    if not any(field.type in plain for field in batch.schema):
        return batch
    fields = [field.with_type(plain.get(field.type, field.type)) for field in batch.schema]
    return batch.cast(pa.schema(fields, metadata=batch.schema.metadata))


def as_text(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a text column as one large_binary array (bytes, not yet known to be UTF-8)."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(pa.large_binary())


def text_sizes(column: pa.Array) -> np.ndarray:
    """Return int64[N]: the bytes of each text, 0 for NULL; a dictionary is not unpacked for it."""
    if not pa.types.is_dictionary(column.type):
        return _sizes(column)
    of_value = _sizes(column.dictionary)
    index = column.indices.fill_null(len(of_value)).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.append(of_value, 0)[index]


def _sizes(column: pa.Array) -> np.ndarray:
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.int64)
    return pc.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)


def as_string(column: pa.Array) -> pa.Array:
    """Return a column of ids, sources or urls as strings; numbers are written in decimal.

    Raises
    ------
    InputError
        The column's type has no plain text form.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return pc.cast(column, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(
            f"a column of type {column.type} cannot serve as id, source or url: {error}"
        ) from error


def _is_text(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_null(kind)
    )
