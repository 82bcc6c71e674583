"""Which of several near-duplicates is kept: an order over documents, best first.

    keep: [{source: [wiki, books, web]}, longest, {newest: date}]

says: the first source of the list that has one; among those the longest; among those the newest. Ties
that remain are decided by document id, so that the order is the same on every run and every machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.errors import ConfigError, InputError, did_you_mean

__all__ = ["Criterion", "KeepPolicy"]

WORDS = {
    "longest": ("chars", "descending"),
    "shortest": ("chars", "ascending"),
    "first": ("ordinal", "ascending"),
}
VERBS = {"newest": "descending", "oldest": "ascending", "max": "descending", "min": "ascending"}


@dataclass(frozen=True)
class Criterion:
    """One entry of a keep policy."""

    column: str
    """Column it looks at."""
    kind: str
    """longest | shortest | first | newest | oldest | max | min | rank."""
    values: tuple[Any, ...] = ()
    """For `rank`: values, best first. A value not listed comes after them, NULL after that."""

    @property
    def descending(self) -> bool:
        """Whether large values are better."""
        return (
            WORDS[self.kind][1] == "descending"
            if self.kind in WORDS
            else VERBS.get(self.kind) == "descending"
        )

    def to_value(self) -> str | dict[str, Any]:
        """Return the entry as a recipe writes it."""
        if self.kind in WORDS:
            return self.kind
        return {self.column: list(self.values)} if self.kind == "rank" else {self.kind: self.column}


@dataclass(frozen=True)
class KeepPolicy:
    """Criteria, the most important first."""

    criteria: tuple[Criterion, ...]

    @classmethod
    def parse(cls, value: Any) -> KeepPolicy:
        """Read a keep policy from a recipe.

        Parameters
        ----------
        value : str, mapping or list of them
            `longest`, `shortest`, `first` (input order), `{newest: column}`, `{oldest: column}`,
            `{max: column}`, `{min: column}` or `{column: [best, next, ...]}`.

        Raises
        ------
        ConfigError
            When an entry is none of these.
        """
        entries = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        if not entries:
            raise ConfigError("a keep policy names at least one criterion, such as `longest`")
        return cls(tuple(_criterion(entry) for entry in entries))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the input the policy looks at, beyond what every document has, in order."""
        own = {column for column, _ in WORDS.values()}
        names = (c.column for c in self.criteria if c.kind not in WORDS or c.column not in own)
        return tuple(dict.fromkeys(names))

    def to_value(self) -> list[str | dict[str, Any]]:
        """Return the policy as a recipe writes it; `parse` reads it back."""
        return [criterion.to_value() for criterion in self.criteria]

    def order(self, table: pa.Table) -> np.ndarray:
        """Put documents in keep order.

        Parameters
        ----------
        table : pyarrow.Table
            `columns`, and of every document `chars` (int), `doc_id` (16 bytes) and `ordinal` (int,
            place in the input); only those the policy uses and `doc_id` need be there.

        Returns
        -------
        int64[n]
            Row numbers of `table`, best first. NULL and NaN come last under every criterion; ties go
            to the smaller doc_id, byte by byte. The order of the table's rows makes no difference.

        Raises
        ------
        ConfigError
            When a column is missing, or cannot be compared in the way asked.
        InputError
            When two rows have the same doc_id.
        """
        keys: dict[str, pa.ChunkedArray] = {}
        sorting = []
        for i, criterion in enumerate(self.criteria):
            keys[f"key{i}"] = _sort_key(_column(table, criterion.column), criterion)
            sorting.append((f"key{i}", "descending" if criterion.descending else "ascending"))
        keys["doc_id"] = _identifiers(_column(table, "doc_id"))
        sorting.append(("doc_id", "ascending"))
        order = pc.sort_indices(pa.table(keys), sort_keys=sorting)  # NULL last, by default
        return np.asarray(order.to_numpy(), dtype=np.int64)


def _criterion(entry: Any) -> Criterion:
    forms = [*WORDS, *VERBS]
    if isinstance(entry, str):
        if entry in WORDS:
            return Criterion(WORDS[entry][0], entry)
        if entry in VERBS:
            raise ConfigError(f"keep: `{entry}` needs a column, such as {{{entry}: date}}")
        raise ConfigError(f"keep: unknown criterion {entry!r}. {did_you_mean(entry, forms)}")
    if not isinstance(entry, Mapping) or len(entry) != 1:
        raise ConfigError(
            f"keep: {entry!r} is not a criterion; write a word ({', '.join(WORDS)}) or one key and its "
            "value, such as {newest: date} or {source: [wiki, web]}"
        )
    ((key, value),) = entry.items()
    if isinstance(value, str) and key in VERBS:
        return Criterion(value, key)
    if isinstance(key, str) and isinstance(value, Sequence) and not isinstance(value, str) and value:
        if len(set(value)) < len(value):
            raise ConfigError(f"keep: a value of {key!r} is listed twice")
        return Criterion(key, "rank", tuple(value))
    raise ConfigError(
        f"keep: {{{key}: {value!r}}} is not a criterion. Write {{{key}: [best, next]}} to rank the values of "
        f"a column, or one of {', '.join(VERBS)} with a column. {did_you_mean(str(key), forms)}"
    )


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise ConfigError(
            f"keep: there is no column {name!r} among the documents. {did_you_mean(name, table.column_names)}"
        )
    return table.column(name)


def _identifiers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return doc_ids as plain 16-byte strings, which compare byte by byte."""
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], type=column.type.storage_type)
    if pc.count_distinct(column, mode="all").as_py() != len(column):
        raise InputError("two documents of one election have the same doc_id; ids must be unique")
    return column.cast(pa.binary())


def _sort_key(column: pa.ChunkedArray, criterion: Criterion) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if criterion.kind == "rank":
        return _ranks(column, criterion)
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    numeric = pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)
    if numeric or pa.types.is_null(column.type):
        return column.cast(pa.int64()) if pa.types.is_null(column.type) else column
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if criterion.kind in ("newest", "oldest") and (pa.types.is_temporal(column.type) or text):
        return column
    raise ConfigError(
        f"keep: {criterion.kind} cannot compare column {criterion.column!r} of type {column.type}; "
        "max and min take numbers, newest and oldest also dates and texts that sort by time (ISO 8601)"
    )


def _ranks(column: pa.ChunkedArray, criterion: Criterion) -> pa.ChunkedArray:
    if pa.types.is_null(column.type):
        return column.cast(pa.int32())
    try:
        listed = pa.array(criterion.values, type=column.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ConfigError(
            f"keep: the values listed for {criterion.column!r} are not of its type {column.type}: {error}"
        ) from None
    ranks = pc.fill_null(pc.index_in(column, value_set=listed), len(listed))
    return pc.if_else(pc.is_valid(column), ranks, pa.scalar(None, pa.int32()))
