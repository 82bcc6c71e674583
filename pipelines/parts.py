"""Parts: the unit of work, commit and retry.

Parts are cut along the groups of shards (row groups, blocks of lines, runs of files) from the sorted listing alone, never from the number of workers. A
part's name is a digest of what it is made of, so that a part that did not change keeps its name when
other shards come or go.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from datagov.errors import InputError
from datagov.formats import FORMATS
from datagov.ids import digest
from datagov.shards import Shard, Slice

__all__ = ["PART_BYTES", "PART_ROWS", "Part", "check_output_names", "cut", "output_name"]

PART_BYTES = 32 * 2**20
"""Text bytes a part aims at (uncompressed, as stored)."""
PART_ROWS = 100_000
"""Most rows of a part made of more than one row group."""


@dataclass(frozen=True)
class Part:
    """Some consecutive row groups of one or more shards."""

    name: str
    slices: tuple[Slice, ...]
    text_bytes: int
    modified: tuple[tuple[str, int], ...]
    """(shard, modification time in ns): when a shard is rewritten, its parts are done again."""

    @property
    def rows(self) -> int:
        """Rows of the input in this part, before sampling."""
        return sum(piece.rows for piece in self.slices)


def cut(shards: Sequence[Shard], *, part_bytes: int = PART_BYTES, part_rows: int = PART_ROWS) -> list[Part]:
    """Cut shards into parts, in listing order.

    Large shards are cut along their row groups; small ones are grouped. Zero-row shards belong to a
    part too, so that their (empty) output is written.

    Parameters
    ----------
    shards : sequence of Shard
        In path order.
    part_bytes, part_rows : int
        A part is closed before a row group would take it past either.
    """
    parts: list[Part] = []
    current: list[tuple[Shard, int, int]] = []
    size = rows = 0

    def close() -> None:
        nonlocal current, size, rows
        if current:
            parts.append(_part(current, size))
        current, size, rows = [], 0, 0

    for shard in shards:
        if not shard.group_rows:
            current.append((shard, 0, 0))
        for group, (group_rows, group_bytes) in enumerate(
            zip(shard.group_rows, shard.group_text_bytes, strict=True)
        ):
            if current and rows and (size + group_bytes > part_bytes or rows + group_rows > part_rows):
                close()
            if current and current[-1][0] is shard and current[-1][2] == group:
                current[-1] = (shard, current[-1][1], group + 1)
            else:
                current.append((shard, group, group + 1))
            size += group_bytes
            rows += group_rows
    close()
    return parts


def output_name(piece: Slice) -> str:
    """Return the path a piece's kept documents go to: the shard's own as Parquet, numbered if it is cut."""
    path = PurePosixPath(piece.path)
    name = path.name
    for suffix in (suffix for kind in FORMATS.values() for suffix in kind.suffixes):
        name = name.removesuffix(suffix)
    number = "" if piece.whole else f".{piece.groups[0]:05d}"
    return str(path.with_name(f"{name.replace('*', 'texts')}{number}.parquet"))


def check_output_names(parts: Sequence[Part]) -> None:
    """Check that no two pieces would be written to one file.

    Raises
    ------
    InputError
        A shard is cut into pieces, and a piece would get the name of another shard.
    """
    taken: dict[str, str] = {}
    for piece in (piece for part in parts for piece in part.slices):
        name = output_name(piece)
        if name in taken:
            raise InputError(
                f"shards {taken[name]} and {piece.path}: the kept documents of both would be written to {name}, "
                "since one of them is cut into pieces. Rename one of the two"
            )
        taken[name] = piece.path


def _part(pieces: Sequence[tuple[Shard, int, int]], text_bytes: int) -> Part:
    slices = []
    for shard, first, last in pieces:
        start = sum(shard.group_rows[:first])
        stop = sum(shard.group_rows[:last])
        whole = (first, last) == (0, len(shard.group_rows))
        span = (sum(shard.group_text_bytes[:first]), sum(shard.group_text_bytes[:last]))
        slices.append(Slice(shard.path, (first, last), start, stop, whole, span))
    record = [[shard.path, shard.size, shard.footer, first, last] for shard, first, last in pieces]
    return Part(
        name="p-" + digest(json.dumps(record))[:12],
        slices=tuple(slices),
        text_bytes=text_bytes,
        modified=tuple((shard.path, shard.mtime_ns) for shard, _, _ in pieces),
    )
