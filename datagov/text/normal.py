"""Normal forms of text, touching only the documents that need it.

Almost all text is in NFC already. A kernel runs the quick check of UAX #15 over the bytes; Python's
`unicodedata` sees only the documents that fail it.
"""

from __future__ import annotations

import unicodedata
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagov.errors import ConfigError, did_you_mean
from datagov.text.kernel import Integer, inline_kernel, kernel
from datagov.text.tables import NORMAL_FORMS, kind_index, unicode_tables
from datagov.text.utf8 import BLOCK, byte_view

__all__ = ["NormalForm", "normal_bytes", "normalise", "strip_control"]

NormalForm = Literal["NFC", "NFKC", "NFD", "NFKD"]

SPACE: Final = kind_index("space")
KEPT_CONTROLS: Final = (0x09, 0x0A, 0x0D)
"""Tab, line feed, carriage return."""


@inline_kernel
def _point(data: npt.NDArray[np.uint8], at: Integer) -> tuple[Integer, int]:
    """Code point at `at` (uint64) in valid UTF-8, and its length in bytes."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, 1
    second = np.int64(data[at + np.uint64(1)]) & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | second, 2
    third = np.int64(data[at + np.uint64(2)]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third, 3
    fourth = np.int64(data[at + np.uint64(3)]) & 0x3F
    return (first & 0x07) << 18 | second << 12 | third << 6 | fourth, 4


@inline_kernel
def _all_ascii(data: npt.NDArray[np.uint8], at: int) -> bool:
    """Whether the BLOCK bytes from `at` are ASCII."""
    seen = np.uint8(0)
    for byte in data[at : at + BLOCK]:
        seen |= byte
    return bool(seen < 0x80)


@kernel
def _maybe_changed(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    quick_check: npt.NDArray[np.uint8],
    combining: npt.NDArray[np.uint8],
    form_bit: int,
) -> npt.NDArray[np.bool_]:
    """bool[N]: rows whose quick check is not Yes."""
    n = offsets.shape[0] - 1
    flagged = np.zeros(n, dtype=np.bool_)
    for row in range(n):
        at, end = offsets[row], offsets[row + 1]
        previous = np.uint8(0)
        while at < end:
            if at + BLOCK <= end and _all_ascii(data, at):
                previous = np.uint8(0)
                at += BLOCK
                continue
            stop = min(at + BLOCK, end)
            while at < stop:
                point, size = _point(data, np.uint64(at))
                at += size
                order = combining[point]
                if quick_check[point] & form_bit or (order != 0 and order < previous):
                    flagged[row] = True
                    break
                previous = order
            if flagged[row]:
                break
    return flagged


def _flagged(texts: pa.LargeStringArray, form: NormalForm) -> npt.NDArray[np.bool_]:
    data, offsets = byte_view(texts)
    tables = unicode_tables()
    bit = 1 << NORMAL_FORMS.index(form)
    return _maybe_changed(data, offsets, tables.quick_check, tables.combining, bit)


def normalise(
    texts: pa.LargeStringArray, form: NormalForm
) -> tuple[pa.LargeStringArray, npt.NDArray[np.bool_]]:
    """Bring every text to a Unicode normal form.

    Parameters
    ----------
    texts : LargeStringArray of N rows
        Valid UTF-8 without nulls.
    form : NFC, NFKC, NFD or NFKD

    Returns
    -------
    texts : LargeStringArray of N rows
        The array given, where nothing changed.
    changed : bool[N]

    Raises
    ------
    ConfigError
        For another form.

    Source
    ------
    UAX #15, section 9 (quick check); `unicodedata.normalize` of the running Python for the rest, so
    that characters newer than its Unicode version stay as they are.
    """
    if form not in NORMAL_FORMS:
        raise ConfigError(f"unknown normal form {form!r}. {did_you_mean(str(form), NORMAL_FORMS)}")
    changed = _flagged(texts, form)
    rows = np.flatnonzero(changed)
    if len(rows) == 0:
        return texts, changed
    before = texts.take(pa.array(rows)).to_pylist()
    after = [unicodedata.normalize(form, text) for text in before]
    changed[rows] = [a != b for a, b in zip(before, after, strict=True)]
    if not changed.any():
        return texts, changed
    replacements = pa.array([a for a, b in zip(after, before, strict=True) if a != b], type=pa.large_string())
    return pc.replace_with_mask(texts, pa.array(changed), replacements), changed


@kernel
def _strip(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    out: npt.NDArray[np.uint8],
    new_offsets: npt.NDArray[np.int64],
    removed: npt.NDArray[np.int64],
) -> None:
    """Copy the rows without control characters and byte order marks."""
    to = 0
    for row in range(offsets.shape[0] - 1):
        at, end = offsets[row], offsets[row + 1]
        gone = 0
        while at < end:
            byte = data[at]
            size = 0
            if byte < 0x20:
                size = 0 if byte in KEPT_CONTROLS else 1
            elif byte == 0x7F:
                size = 1
            elif byte == 0xC2:
                size = 2 if data[at + 1] < 0xA0 else 0
            elif byte == 0xEF:
                size = 3 if data[at + 1] == 0xBB and data[at + 2] == 0xBF else 0
            if size:
                at += size
                gone += 1
            else:
                out[to] = byte
                to += 1
                at += 1
        removed[row] = gone
        new_offsets[row + 1] = to


def strip_control(texts: pa.LargeStringArray) -> tuple[pa.LargeStringArray, npt.NDArray[np.int64]]:
    """Remove control characters (general category Cc) and byte order marks (U+FEFF).

    Tab, line feed and carriage return stay. The other controls that are White_Space (vertical tab,
    form feed, U+0085) go like the rest, and nothing takes their place.

    Parameters
    ----------
    texts : LargeStringArray of N rows
        Valid UTF-8 without nulls.

    Returns
    -------
    texts : LargeStringArray of N rows
        The array given, where nothing was removed.
    removed : int64[N]
        Characters removed from each row.
    """
    data, offsets = byte_view(texts)
    out = np.empty(int(offsets[-1] - offsets[0]), dtype=np.uint8)
    new_offsets = np.zeros(len(offsets), dtype=np.int64)
    removed = np.zeros(len(texts), dtype=np.int64)
    _strip(data, offsets, out, new_offsets, removed)
    if not removed.any():
        return texts, removed
    return _array(pa.large_string(), new_offsets, out), removed


@kernel
def _collapse(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    class_of: npt.NDArray[np.uint8],
    kind: npt.NDArray[np.uint8],
    out: npt.NDArray[np.uint8],
    new_offsets: npt.NDArray[np.int64],
) -> None:
    """Copy the rows with every run of white space as one space, and none at the ends."""
    to = np.uint64(0)
    one = np.uint64(1)
    for row in range(offsets.shape[0] - 1):
        at, end = np.uint64(offsets[row]), np.uint64(offsets[row + 1])
        begun = to
        after_space = True
        while at < end:
            byte = data[at]
            if byte < 0x80:
                # Written always and kept unless it follows a space: words end too often to guess.
                space = kind[class_of[byte]] == SPACE
                out[to] = 0x20 if space else byte
                to += np.uint64(not (space and after_space))
                after_space = space
                at += one
                continue
            point, size = _point(data, at)
            if kind[class_of[point]] == SPACE:
                if not after_space:
                    out[to] = 0x20
                    to += one
                after_space = True
            else:
                for k in range(np.uint64(size)):
                    out[to + k] = data[at + k]
                to += np.uint64(size)
                after_space = False
            at += np.uint64(size)
        if after_space and to > begun:
            to -= one
        new_offsets[row + 1] = to


def normal_bytes(texts: pa.LargeStringArray) -> pa.LargeBinaryArray:
    """Return the UTF-8 bytes of NORMAL@1, the form that content ids are made of.

    NFC, then every run of White_Space becomes one U+0020, and none at either end. Text of nothing
    but white space gives an empty value.

    Parameters
    ----------
    texts : LargeStringArray of N rows
        Valid UTF-8 without nulls.
    """
    normal, _ = normalise(texts, "NFC")
    data, offsets = byte_view(normal)
    tables = unicode_tables()
    out = np.empty(int(offsets[-1] - offsets[0]) + 1, dtype=np.uint8)
    new_offsets = np.zeros(len(offsets), dtype=np.int64)
    _collapse(data, offsets, tables.class_of, tables.kind, out, new_offsets)
    return _array(pa.large_binary(), new_offsets, out)


def _array(kind: pa.DataType, offsets: npt.NDArray[np.int64], data: npt.NDArray[np.uint8]) -> pa.Array:
    """Arrow array over rows written end to end."""
    used = data[: int(offsets[-1])]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(used)]
    return pa.Array.from_buffers(kind, len(offsets) - 1, buffers)
