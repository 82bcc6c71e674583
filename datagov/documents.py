"""Documents as they come in: the shards below a root, their rows as record batches, and what their paths say."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from datagov.columns import Choice, Columns
from datagov.errors import InputError
from datagov.files import Files, FoundFile
from datagov.formats import FORMATS, Format
from datagov.shards import FILES_ARE_DOCUMENTS, InputForm, Rows, Shard, Slice, UnreadableShard, damaged_shard

__all__ = [
    "MOST_ROWS",
    "folder_columns",
    "list_shards",
    "micro_batches",
    "path_columns",
    "read_slice",
    "read_texts",
    "shard_schema",
]

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
"""What the folder of a NULL is called in hive-partitioned data sets."""
UNREADABLE = (pa.ArrowInvalid, OSError, IndexError, RuntimeError)
MOST_ROWS = 65_536
"""Most rows read at once."""


def list_shards(
    root: str, form: InputForm, extra: Mapping[str, str] | None = None
) -> tuple[list[Shard], list[UnreadableShard]]:
    """Return the shards below `root` in path order, readable and unreadable apart.

    Parameters
    ----------
    root : str
        A folder or one file, on this machine or by an `s3://` URL.
    form : InputForm
        Their format, and the columns that every shard must have.
    extra : mapping or None
        More of them: what names the column in the recipe -> the column.

    Raises
    ------
    InputError
        `root` does not exist, holds no file of the format, or a readable shard lacks a declared column.
    """
    files, kind = Files(root), FORMATS[form.format]
    listed = files.found()
    found = listed if files.single else [file for file in listed if file.path.endswith(kind.suffixes)]
    if not found:
        raise InputError(_nothing_found(root, kind, listed))
    required = {**form.columns.required(), **(extra or {})}

    def look(item: tuple[str, list[FoundFile]]) -> Shard | UnreadableShard:
        path, members = item
        given = path_columns(form, path)
        try:
            wanted = {what: name for what, name in required.items() if name not in given}
            return kind.look(files, path, members, _of_file(form, given), wanted)
        except UNREADABLE as error:
            return UnreadableShard(path, " ".join(str(error).split()))

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        looked = list(threads.map(look, kind.shards(found)))
    shards = [item for item in looked if isinstance(item, Shard)]
    return shards, [item for item in looked if isinstance(item, UnreadableShard)]


def shard_schema(root: str, form: InputForm, path: str) -> pa.Schema:
    """Return the columns of a shard, those that its path gives included.

    Raises
    ------
    DamagedShard
        The shard is gone or cannot be read.
    InputError
        The path gives a column that the shard has as well.
    """
    given = path_columns(form, path)
    try:
        schema = FORMATS[form.format].schema(Files(root), path, _of_file(form, given))
    except UNREADABLE as error:
        raise damaged_shard(path, error, "has changed since it was listed") from error
    return _with_given(schema, given, path)


def read_slice(
    root: str,
    form: InputForm,
    piece: Slice,
    columns: Sequence[str] | Choice | None,
    *,
    most_rows: int = MOST_ROWS,
) -> Iterator[Rows]:
    """Yield the slice's rows in order, about 16 MiB at a time.

    Parameters
    ----------
    root : str
        The input root.
    form : InputForm
    piece : Slice
        Which rows.
    columns : sequence of str, None, or a function of the shard's schema that returns either
        Which columns; None for all, those of the path included.
    most_rows : int
        Most rows a batch.

    Raises
    ------
    DamagedShard
        The shard changed since it was listed, or its pages are damaged.
    InputError
        The path gives a column that the shard has as well.
    """
    given = path_columns(form, piece.path)
    wanted = list(given)

    def own(schema: pa.Schema) -> list[str] | None:
        chosen = columns(_with_given(schema, given, piece.path)) if callable(columns) else columns
        if chosen is None:
            return None
        wanted[:] = [name for name in given if name in chosen]
        return [name for name in chosen if name not in given]

    try:
        for rows in FORMATS[form.format].read(Files(root), piece, own, _of_file(form, given), most_rows):
            batch = rows.batch
            for name in wanted:
                value = pa.array([given[name]], pa.string())
                batch = batch.append_column(name, value.take(pa.array(np.zeros(len(batch), np.int8))))
            yield Rows(batch, rows.problem)
    except UNREADABLE as error:
        raise damaged_shard(piece.path, error, f"rows {piece.start}-{piece.stop} cannot be read") from error


def _with_given(schema: pa.Schema, given: Mapping[str, str | None], path: str) -> pa.Schema:
    for name in given:
        if name in schema.names:
            raise InputError(
                f"{path}: both its path and the file give a column {name!r}; say `hive: false`, or another "
                "`path_column`, under the recipe's input"
            )
        schema = schema.append(pa.field(name, pa.string()))
    return schema


def read_texts(root: str, form: InputForm, path: str, rows: Sequence[int]) -> list[bytes | None]:
    """Return the text at some rows of a shard, as bytes.

    Raises
    ------
    InputError
        The shard or a row is not there.
    """
    try:
        found = FORMATS[form.format].texts(Files(root), path, rows, form)
    except (*UNREADABLE, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{root}: shard {path} cannot be read: {reason}. Say where it is with --input."
        ) from error
    for row in rows:
        if row not in found:
            raise InputError(f"{root}: shard {path} has no row {row}: it has changed since the run.")
    return [found[row] for row in rows]


def path_columns(form: InputForm, path: str) -> dict[str, str | None]:
    """Return the columns that a shard's path gives, the same value for all its rows."""
    given = folder_columns(form, path)
    if form.path_column is not None and form.format not in FILES_ARE_DOCUMENTS:
        given[form.path_column] = path
    return given


def folder_columns(form: InputForm, path: str) -> dict[str, str | None]:
    """Return the columns that folders called `key=value` give, if the recipe says that they do."""
    given: dict[str, str | None] = {}
    if form.hive:
        for folder in PurePosixPath(path).parts[:-1]:
            key, equals, value = folder.partition("=")
            if equals:
                given[unquote(key)] = None if value == HIVE_NULL else unquote(value)
    return given


def _of_file(form: InputForm, given: Mapping[str, str | None]) -> InputForm:
    """Return the form of what is in the file itself, without the columns that its path gives."""
    if not given:
        return form
    roles = {role: name for role, name in form.columns.named().items() if role == "text" or name not in given}
    fields = tuple((name, kind) for name, kind in form.fields if name not in given)
    return replace(form, columns=Columns(**roles), fields=fields)


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


def _nothing_found(root: str, kind: Format, listed: Sequence[FoundFile]) -> str:
    names = ", ".join(f"*{suffix}" for suffix in kind.suffixes)
    others = {
        other.name: sum(file.path.endswith(other.suffixes) for file in listed)
        for other in FORMATS.values()
        if other is not kind
    }
    hint = "".join(
        f"; it holds {count} file(s) of format {name!r}: `format: {name}` in a recipe's input reads them"
        for name, count in others.items()
        if count
    )
    return f"input {root}: no {names} file in this folder or below{hint or f'; expected {kind.name} shards'}"
