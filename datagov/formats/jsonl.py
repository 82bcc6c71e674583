"""JSONL: one JSON object a line; a line that is not one is one document set aside, at its line.

The fields that the recipe names become columns. All others stay together, as the JSON object they form, in
the column `other_fields`: types may differ from line to line, and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from datagov.columns import Choice
from datagov.errors import InputError, did_you_mean
from datagov.files import Files, FoundFile
from datagov.formats.lines import read_lines, scan, unpacked
from datagov.shards import PROBLEMS, InputForm, Rows, Shard, Slice

__all__ = ["FIELD_TYPES", "OTHER_FIELDS", "Jsonl"]

OTHER_FIELDS = "other_fields"
"""Column with the fields that have no column of their own."""
BATCH_BYTES = 16 * 2**20
PEEK_BYTES = 2**20
"""How much of a file is looked at to see whether the named fields occur in it."""
PER_BYTE = 3
"""Most bytes by which JSON may write one of UTF-8: four are two escapes such as \\ud83d\\ude00."""
MARK = b"\xef\xbb\xbf"
NOT_UTF8, TOO_LONG, NOT_JSON, WRONG_TYPE = (
    PROBLEMS.index(name) for name in ("not_utf8", "too_long", "not_json", "wrong_type")
)


def _name(value: Any) -> str | None:
    """Return a name as text; whole numbers are written in decimal."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise TypeError


def _string(value: Any) -> str | None:
    if isinstance(value, str) or value is None:
        return value
    raise TypeError


def _whole(value: Any) -> int | None:
    if value is None or (type(value) is int and -(2**63) <= value < 2**63):
        return value
    raise TypeError


def _number(value: Any) -> float | None:
    if value is None or type(value) in {int, float}:
        return None if value is None else float(value)
    raise TypeError


def _truth(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise TypeError


FIELD_TYPES: Mapping[str, tuple[pa.DataType, Callable[[Any], Any]]] = {
    "string": (pa.string(), _string),
    "int64": (pa.int64(), _whole),
    "float64": (pa.float64(), _number),
    "bool": (pa.bool_(), _truth),
}
"""Type in the recipe -> the column's type, and the check of a value (TypeError: not of the type)."""


class Jsonl:
    """Files of one JSON object a line, plain or compressed."""

    name = "jsonl"
    suffixes: tuple[str, ...] = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json.gz")

    def shards(self, found: Sequence[FoundFile]) -> list[tuple[str, list[FoundFile]]]:
        """Return (shard path, its files) in path order."""
        return [(file.path, [file]) for file in found]

    def look(
        self,
        files: Files,
        path: str,
        found: Sequence[FoundFile],
        form: InputForm,
        required: Mapping[str, str],
    ) -> Shard:
        """Read the file once and cut it into blocks of lines; `required` names fields that must occur."""
        (status,) = found
        if status.size == 0 and path.endswith((".gz", ".zst")):
            raise pa.ArrowInvalid("the file is empty (0 bytes)")
        with _opened(files, path) as stream:
            _check_fields(stream.read(PEEK_BYTES), form, required, path)
        with _opened(files, path) as stream:
            blocks = scan(stream)
        return Shard(path, status.size, status.mtime_ns, blocks.digest, blocks.rows, blocks.sizes)

    def schema(self, files: Files, path: str, form: InputForm) -> pa.Schema:
        """Return the columns a slice of any shard is read with."""
        del files, path
        kinds = {name: kind for name, (kind, _) in _columns(form).items()}
        return pa.schema([*kinds.items(), (OTHER_FIELDS, pa.large_string())])

    def read(
        self, files: Files, piece: Slice, choose: Choice, form: InputForm, most_rows: int
    ) -> Iterator[Rows]:
        """Yield the slice's rows in order."""
        columns = choose(self.schema(files, piece.path, form))
        with _opened(files, piece.path) as stream:
            for lines in _lines(stream, piece.span, form):
                for start in range(0, len(lines), most_rows):
                    yield _parsed(lines[start : start + most_rows], columns, form)

    def texts(self, files: Files, path: str, rows: Sequence[int], form: InputForm) -> dict[int, bytes | None]:
        """Return the text at some rows; the lines before the last of them are read as well."""
        wanted = sorted(set(rows))
        found: dict[int, bytes | None] = {}
        at = 0
        with _opened(files, path) as stream:
            for lines in _lines(stream, (0, 2**63), form):
                for row in wanted:
                    if at <= row < at + len(lines):
                        (value,) = _parsed([lines[row - at]], [form.columns.text], form).batch.column(0)
                        found[row] = None if not value.is_valid else value.as_py().encode()
                at += len(lines)
                if wanted and at > wanted[-1]:
                    break
        return found


@contextmanager
def _opened(files: Files, path: str) -> Iterator[pa.NativeFile]:
    with files.open(path) as source, unpacked(source, path) as stream:
        yield stream


def _lines(stream: pa.NativeFile, span: tuple[int, int], form: InputForm) -> Iterator[list[bytes | None]]:
    most = PER_BYTE * form.most_bytes + PEEK_BYTES
    first = span[0] == 0
    for lines in read_lines(stream, span, most_bytes=most, batch_bytes=BATCH_BYTES):
        if first and lines[0] is not None:
            lines[0] = lines[0].removeprefix(MARK)
        first = False
        yield lines


def _columns(form: InputForm) -> dict[str, tuple[pa.DataType, Callable[[Any], Any]]]:
    """Return the columns that fields get of their own, with their types and checks."""
    columns: dict[str, tuple[pa.DataType, Callable[[Any], Any]]] = {
        form.columns.text: (pa.large_string(), _string)
    }
    for role, name in form.columns.named().items():
        if role != "text":
            columns.setdefault(name, (pa.string(), _name))
    for name, kind in form.fields:
        columns.setdefault(name, FIELD_TYPES[kind])
    return columns


def _parsed(lines: Sequence[bytes | None], columns: Sequence[str] | None, form: InputForm) -> Rows:
    every = _columns(form)
    problem = np.zeros(len(lines), np.uint8)
    values: dict[str, list[Any]] = {name: [None] * len(lines) for name in every}
    others: list[str | None] = [None] * len(lines)
    keep_others = columns is None or OTHER_FIELDS in columns
    for row, line in enumerate(lines):
        if line is None:
            problem[row] = TOO_LONG
            continue
        try:
            fields = orjson.loads(line)
        except orjson.JSONDecodeError:
            problem[row] = NOT_JSON if _is_utf8(line) else NOT_UTF8
            continue
        if type(fields) is not dict:
            problem[row] = NOT_JSON
            continue
        for name, (_, checked) in every.items():
            try:
                values[name][row] = checked(fields.pop(name, None))
            except TypeError:
                problem[row] = WRONG_TYPE
        if keep_others and fields:
            others[row] = orjson.dumps(fields).decode()
    names = [*every, OTHER_FIELDS] if columns is None else list(columns)
    arrays = [
        pa.array(others, pa.large_string())
        if name == OTHER_FIELDS
        else pa.array(values[name], every[name][0])
        for name in names
    ]
    return Rows(pa.RecordBatch.from_arrays(arrays, names=names), problem)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_fields(head: bytes, form: InputForm, required: Mapping[str, str], path: str) -> None:
    """Check that every named field occurs in the first lines, and that undeclared ones hold text.

    Nothing is checked where none of the first lines is a JSON object.

    Raises
    ------
    InputError
    """
    seen: dict[str, Any] = {}
    for line in head.removeprefix(MARK).split(b"\n")[: -1 if len(head) == PEEK_BYTES else None]:
        try:
            fields = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if type(fields) is dict:
            seen.update(
                {name: value for name, value in fields.items() if value is not None or name not in seen}
            )
    if not seen:
        return
    kinds = dict(form.fields)
    for what, name in required.items():
        if name not in seen:
            raise InputError(
                f"{path}: no field {name!r} in its first lines, which {what} names. "
                f"{did_you_mean(name, seen)}"
            )
        if name in kinds and seen[name] is not None:
            try:
                FIELD_TYPES[kinds[name]][1](seen[name])
            except TypeError:
                raise InputError(
                    f"{path}: field {name!r}, which {what} names, holds {type(seen[name]).__name__}, "
                    f"not {kinds[name]}; say its type under input.fields ({', '.join(FIELD_TYPES)})"
                ) from None
