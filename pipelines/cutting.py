"""Long texts cut into pieces: where they are cut, and who the pieces are (decision 0023)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from datagov.columns import text_sizes
from datagov.ids import piece_ids
from datagov.ledger.tables import PIECES
from datagov.shards import MOST_UTF8
from datagov.text.utf8 import invalid_rows

__all__ = ["Cut", "cut_long", "piece_ends"]

BOUNDARIES = (("\n",), ("。", "！", "？", ". ", "! ", "? "), (" ", "\t", "\u3000"))
"""What a piece rather ends with, best first: a line, a sentence, a word."""


@dataclass(frozen=True)
class Cut:
    """Documents of a batch, the long ones among them replaced by their pieces."""

    index: np.ndarray
    """int64[M]: which document of the batch each is, or is a piece of."""
    text: pa.Array
    """large_binary[M]."""
    doc_ids: pa.Array
    pieces: list[pa.Table | None]
    """M entries: the row of `PIECES` of each that is a piece."""


def cut_long(text: pa.Array, doc_ids: pa.Array, problem: np.ndarray, most_chars: int) -> Cut | None:
    """Cut the texts of more than `most_chars` characters; None where there are none.

    Parameters
    ----------
    text : large_binary[N]
        What is no UTF-8 stays whole.
    doc_ids : UUID array of N
    problem : uint8[N]
        Documents that the format set aside (> 0) stay whole.
    most_chars : int
    """
    longer = (text_sizes(text) > most_chars) & (problem == 0)
    if not longer.any():
        return None
    candidates = np.flatnonzero(longer & ~invalid_rows(text))
    ends = {int(row): piece_ends(text[int(row)].as_buffer(), most_chars) for row in candidates}
    ends = {row: found for row, found in ends.items() if len(found) > 1}
    if not ends:
        return None
    index: list[int] = []
    texts: list[pa.Array] = []
    ids: list[pa.Array] = []
    pieces: list[pa.Table | None] = []
    before = 0
    for row, found in ends.items():
        index.extend([*range(before, row), *[row] * len(found)])
        texts.extend([text.slice(before, row - before), _pieces_of(text[row].as_buffer(), found)])
        table = _table(doc_ids[row].as_py().bytes, found, most_chars)
        ids.extend(
            [doc_ids.storage.slice(before, row - before), table.column("doc_id").combine_chunks().storage]
        )
        pieces.extend([*[None] * (row - before), *[table.slice(number, 1) for number in range(len(found))]])
        before = row + 1
    index.extend(range(before, len(text)))
    texts.append(text.slice(before))
    ids.append(doc_ids.storage.slice(before))
    pieces.extend([None] * (len(text) - before))
    whole = pa.ExtensionArray.from_storage(pa.uuid(), pa.concat_arrays(ids))
    return Cut(np.array(index, np.int64), pa.concat_arrays(texts), whole, pieces)


def piece_ends(text: bytes | pa.Buffer, most_chars: int) -> list[tuple[int, int]]:
    """Return (characters, bytes) before the end of each piece of a text that is UTF-8.

    A piece has at most `most_chars` characters. It ends after the last line feed of its second half, if there is
    one; else after the last sentence, the last word, or where it is full.
    """
    view = memoryview(text)
    ends: list[tuple[int, int]] = []
    chars = at = 0
    while at < len(view):
        # A character that the window cuts in two is left out: the window has enough without it.
        window = bytes(view[at : at + MOST_UTF8 * (most_chars + 1)]).decode(errors="ignore")
        length = len(window) if len(window) <= most_chars else _boundary(window, most_chars)
        chars += length
        at += len(window[:length].encode())
        ends.append((chars, at))
    return ends or [(0, 0)]


def _boundary(window: str, most: int) -> int:
    for marks in BOUNDARIES:
        at = {mark: window.rfind(mark, most // 2, most) for mark in marks}
        ends = [place + len(mark) for mark, place in at.items() if place >= 0]
        if ends:
            return max(ends)
    return most


def _pieces_of(data: pa.Buffer, ends: list[tuple[int, int]]) -> pa.Array:
    offsets = np.array([0, *(at for _, at in ends)], np.int64)
    return pa.Array.from_buffers(pa.large_binary(), len(ends), [None, pa.py_buffer(offsets), data])


def _table(parent: bytes, ends: list[tuple[int, int]], most_chars: int) -> pa.Table:
    count = len(ends)
    starts = [(0, 0), *ends[:-1]]
    columns = [
        piece_ids(parent, most_chars, count),
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([parent] * count, pa.binary(16))),
        pa.array(range(count), pa.int32()),
        pa.array([count] * count, pa.int32()),
        pa.array([chars for chars, _ in starts], pa.int64()),
        pa.array([at for _, at in starts], pa.int64()),
    ]
    return pa.Table.from_arrays(columns, schema=PIECES)
