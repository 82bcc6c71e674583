"""UTF-8 bytes of an Arrow column to code points and back, and the rows that are not UTF-8.

Arrow lets a string column hold any bytes; the kernels of this package read valid UTF-8 only.
`invalid_rows` is the gate: rows it names are quarantined before a `TextBatch` is made.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.errors import InputError
from datagov.text.kernel import kernel

__all__ = ["MAX_CHARS", "byte_view", "code_points", "decode", "encode_rows", "invalid_rows", "row_chars"]

MAX_CHARS = 2**31 - 1
"""Most characters of one batch: positions within a batch are int32."""

BLOCK = 32
"""Bytes tested at once for being all ASCII: one or two vector registers."""


def byte_view(array: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return bytes and row offsets of a large_string or large_binary array, without copying.

    Returns
    -------
    data : uint8[B]
        The array's whole value buffer, read-only.
    offsets : int64[N+1]
        Row i is `data[offsets[i]:offsets[i+1]]`; the first offset need not be 0.

    Raises
    ------
    TypeError
        For any other Arrow type.
    """
    if not (pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)):
        raise TypeError(f"expected large_string or large_binary, not {array.type}")
    _, offset_buffer, data_buffer = array.buffers()
    if offset_buffer is None or offset_buffer.size == 0:
        return np.zeros(0, dtype=np.uint8), np.zeros(len(array) + 1, dtype=np.int64)
    offsets = np.frombuffer(offset_buffer, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    if data_buffer is None or data_buffer.size == 0:
        return np.zeros(0, dtype=np.uint8), offsets
    return np.frombuffer(data_buffer, dtype=np.uint8), offsets


@kernel
def row_chars(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Count the code points of each row (int64[N]), as the number of bytes that begin one."""
    n = offsets.shape[0] - 1
    chars = np.empty(n, dtype=np.int64)
    for row in range(n):
        count = 0
        for byte in data[offsets[row] : offsets[row + 1]]:
            count += (byte & 0xC0) != 0x80
        chars[row] = count
    return chars


@kernel
def decode(data: npt.NDArray[np.uint8], start: int, stop: int, out: npt.NDArray[np.uint32]) -> None:
    """Write the code points of `data[start:stop]`, valid UTF-8, to `out`, which has their number."""
    at = np.uint64(start)
    end = np.uint64(stop)
    to = np.uint64(0)
    one, two, three, four = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    block = np.uint64(BLOCK)
    while at < end:
        if at + block <= end:
            seen = np.uint8(0)
            for k in range(block):
                seen |= data[at + k]
            if seen < 0x80:
                for k in range(block):
                    out[to + k] = data[at + k]
                at += block
                to += block
                continue
        # One block's worth of characters, so that mixed text does not test for ASCII at every one.
        stop_mixed = min(at + block, end)
        while at < stop_mixed:
            first = np.uint32(data[at])
            if first < 0x80:
                out[to] = first
                at += one
            elif first < 0xE0:
                out[to] = (first & np.uint32(0x1F)) << np.uint32(6) | np.uint32(data[at + one] & 0x3F)
                at += two
            elif first < 0xF0:
                out[to] = (
                    (first & np.uint32(0x0F)) << np.uint32(12)
                    | np.uint32(data[at + one] & 0x3F) << np.uint32(6)
                    | np.uint32(data[at + two] & 0x3F)
                )
                at += three
            else:
                out[to] = (
                    (first & np.uint32(0x07)) << np.uint32(18)
                    | np.uint32(data[at + one] & 0x3F) << np.uint32(12)
                    | np.uint32(data[at + two] & 0x3F) << np.uint32(6)
                    | np.uint32(data[at + three] & 0x3F)
                )
                at += four
            to += one


def code_points(texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Decode all rows end to end, and tell where each row starts.

    Parameters
    ----------
    texts : LargeStringArray of N rows
        Valid UTF-8 without nulls.

    Returns
    -------
    points : uint32[C]
        Unicode scalar values.
    offsets : int64[N+1]
        Row i is `points[offsets[i]:offsets[i+1]]`; the first offset is 0.

    Raises
    ------
    InputError
        When there are more than MAX_CHARS characters.
    """
    data, byte_offsets = byte_view(texts)
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(row_chars(data, byte_offsets), out=offsets[1:])
    if offsets[-1] > MAX_CHARS:
        raise InputError(
            f"a batch of {len(texts)} texts holds {int(offsets[-1])} characters; positions reach "
            f"{MAX_CHARS}: split the batch"
        )
    points = np.empty(int(offsets[-1]), dtype=np.uint32)
    decode(data, int(byte_offsets[0]), int(byte_offsets[-1]), points)
    return points, offsets


@kernel
def _encoded_size(
    points: npt.NDArray[np.uint32], offsets: npt.NDArray[np.int64], byte_offsets: npt.NDArray[np.int64]
) -> None:
    """Fill `byte_offsets` int64[N+1] with where each row begins once it is UTF-8."""
    for row in range(offsets.shape[0] - 1):
        size = 0
        for point in points[offsets[row] : offsets[row + 1]]:
            size += 1 + (point >= 0x80) + (point >= 0x800) + (point >= 0x10000)
        byte_offsets[row + 1] = byte_offsets[row] + size


@kernel
def _encode(points: npt.NDArray[np.uint32], out: npt.NDArray[np.uint8]) -> None:
    """Write the UTF-8 of code points end to end."""
    to = 0
    for point in points:
        if point < 0x80:
            out[to] = point
            to += 1
        elif point < 0x800:
            out[to] = 0xC0 | point >> 6
            out[to + 1] = 0x80 | point & 0x3F
            to += 2
        elif point < 0x10000:
            out[to] = 0xE0 | point >> 12
            out[to + 1] = 0x80 | point >> 6 & 0x3F
            out[to + 2] = 0x80 | point & 0x3F
            to += 3
        else:
            out[to] = 0xF0 | point >> 18
            out[to + 1] = 0x80 | point >> 12 & 0x3F
            out[to + 2] = 0x80 | point >> 6 & 0x3F
            out[to + 3] = 0x80 | point & 0x3F
            to += 4


def encode_rows(points: npt.NDArray[np.uint32], offsets: npt.NDArray[np.int64]) -> pa.LargeStringArray:
    """Return rows of code points as strings; the reverse of `code_points`.

    Parameters
    ----------
    points : uint32[C]
        Unicode scalar values.
    offsets : int64[N+1]
        Row i is `points[offsets[i]:offsets[i+1]]`; the first offset is 0, the last is C.
    """
    byte_offsets = np.zeros(len(offsets), dtype=np.int64)
    _encoded_size(points, offsets, byte_offsets)
    data = np.empty(int(byte_offsets[-1]), dtype=np.uint8)
    _encode(points, data)
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(byte_offsets), pa.py_buffer(data))


@kernel
def _invalid(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], invalid: npt.NDArray[np.bool_]
) -> None:
    """Mark the rows whose bytes are not UTF-8 (Unicode standard, table 3-7)."""
    for row in range(offsets.shape[0] - 1):
        at, end = offsets[row], offsets[row + 1]
        while at < end:
            if at + BLOCK <= end:
                seen = np.uint8(0)
                for byte in data[at : at + BLOCK]:
                    seen |= byte
                if seen < 0x80:
                    at += BLOCK
                    continue
            first = data[at]
            # Continuation bytes that must follow, and the range of the first of them.
            low, high = 0x80, 0xBF
            if first < 0x80:
                at += 1
                continue
            if 0xC2 <= first <= 0xDF:
                more = 1
            elif 0xE0 <= first <= 0xEF:
                more = 2
                if first == 0xE0:
                    low = 0xA0
                elif first == 0xED:
                    high = 0x9F
            elif 0xF0 <= first <= 0xF4:
                more = 3
                if first == 0xF0:
                    low = 0x90
                elif first == 0xF4:
                    high = 0x8F
            else:
                invalid[row] = True
                break
            if at + more >= end or data[at + 1] < low or data[at + 1] > high:
                invalid[row] = True
                break
            if (more >= 2 and data[at + 2] & 0xC0 != 0x80) or (more == 3 and data[at + 3] & 0xC0 != 0x80):
                invalid[row] = True
                break
            at += 1 + more


def invalid_rows(array: pa.Array) -> npt.NDArray[np.bool_]:
    """Tell which rows (bool[N]) are not valid UTF-8.

    Overlong forms, surrogates (U+D800..U+DFFF), values above U+10FFFF and cut sequences are all
    invalid; NUL and noncharacters are valid. A null row is not invalid.

    Parameters
    ----------
    array : LargeBinaryArray or LargeStringArray of N rows
    """
    data, offsets = byte_view(array)
    invalid = np.zeros(len(array), dtype=np.bool_)
    _invalid(data, offsets, invalid)
    if array.null_count:
        invalid &= np.asarray(array.is_valid())
    return invalid
