"""Labelled documents to train and evaluate classifiers with, read from Parquet and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagov.errors import InputError, did_you_mean
from datagov.model_files import sha256_of

__all__ = ["Labelled", "read_labelled"]

LABEL_TYPES = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_string, pa.types.is_large_string)
SHOWN = 5
"""Rows named in a message."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """N documents, each with a label."""

    texts: pa.LargeStringArray
    """Valid, without NULL, none of them empty or white space alone."""
    labels: list[str]
    """The different labels: in ascending order, as numbers where all of them are whole numbers."""
    label: npt.NDArray[np.int64]
    """int64[N]: index into `labels`."""
    group: npt.NDArray[np.int64] | None
    """int64[N]: documents of one group are never on both sides of a split; None where each is its own."""
    files: dict[str, str]
    """Name of each file -> SHA-256 of its contents."""

    def counts(self) -> dict[str, int]:
        """Return how many documents each label has."""
        return dict(
            zip(self.labels, np.bincount(self.label, minlength=len(self.labels)).tolist(), strict=True)
        )


def read_labelled(
    paths: Sequence[Path],
    *,
    text: str = "text",
    label: str = "label",
    group: str | None = None,
    labels: Sequence[str] | None = None,
) -> Labelled:
    """Read labelled documents.

    Parameters
    ----------
    paths : sequence of Path
        Parquet files with the same columns.
    text, label, group : str
        Names of columns: texts; labels, which are strings, whole numbers or booleans; groups of documents that
        belong together, None for none.
    labels : sequence of str or None
        The labels there may be, in this order; None for those found.

    Raises
    ------
    InputError
        A file cannot be read or lacks a column; a text is NULL, empty or white space alone; a label is NULL or not
        among `labels`; all documents have one label.
    """
    tables = [_columns(path, [name for name in (text, label, group) if name is not None]) for path in paths]
    where = ", ".join(map(str, paths))
    texts = _combined([table.column(text) for table in tables], where).cast(pa.large_string())
    names = _label_names(_combined([table.column(label) for table in tables], where), f"{where}: {label}")
    blank = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(texts)), 0).fill_null(True)
    _refuse(blank, f"{where}: {text}", "is empty or NULL; remove such rows")
    found = pc.unique(names).to_pylist()
    if labels is None:
        number = all(name.removeprefix("-").isdecimal() for name in found)
        labels = sorted(found, key=lambda name: (int(name), name) if number else name)
    for name in found:
        if name not in labels:
            raise InputError(f"{where}: {label} has the label {name!r}. {did_you_mean(name, labels)}")
    if len(labels) < 2:
        raise InputError(
            f"{where}: all documents have the label {', '.join(labels)!r}; a classifier needs two or more."
        )
    index = pc.index_in(names, pa.array(labels, pa.string())).to_numpy().astype(np.int64)
    groups = None
    if group is not None:
        column = _combined([table.column(group) for table in tables], where)
        _refuse(column.is_null(), f"{where}: {group}", "is NULL; every document needs its group")
        groups = column.dictionary_encode().indices.to_numpy().astype(np.int64)
    files = {path.name: sha256_of(path) for path in paths}
    return Labelled(texts, list(labels), index, groups, files)


def _columns(path: Path, names: list[str]) -> pa.Table:
    try:
        schema = pq.read_schema(path)
        for name in names:
            if name not in schema.names:
                raise InputError(f"{path}: no column {name!r}. {did_you_mean(name, schema.names)}")
        return pq.read_table(path, columns=names, use_threads=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: cannot be read as Parquet: {error}.") from error


def _combined(columns: list[pa.ChunkedArray], where: str) -> pa.Array:
    kinds = {column.type for column in columns}
    if len(kinds) > 1:
        raise InputError(f"{where}: a column is of several types: {', '.join(sorted(map(str, kinds)))}.")
    chunks = [chunk for column in columns for chunk in column.chunks]
    return pa.concat_arrays(chunks) if chunks else pa.array([], columns[0].type)


def _label_names(column: pa.Array, where: str) -> pa.Array:
    """Return labels as strings."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not any(fits(kind) for fits in LABEL_TYPES):
        raise InputError(f"{where} is {kind}; labels are strings, whole numbers or booleans.")
    _refuse(column.is_null(), where, "is NULL; every document needs a label")
    return column.cast(pa.string())


def _refuse(wrong: pa.BooleanArray, what: str, problem: str) -> None:
    rows = np.flatnonzero(wrong.to_numpy(zero_copy_only=False))
    if len(rows):
        shown = ", ".join(map(str, rows[:SHOWN])) + (", …" if len(rows) > SHOWN else "")
        raise InputError(f"{what} {problem} ({len(rows)} of {len(wrong)}: row {shown}).")
