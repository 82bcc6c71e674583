"""Parts: the unit of work, commit and retry.

Parts are cut along the groups of shards (row groups, blocks of lines, runs of files) from the sorted
listing alone, never from the number of workers. A part's name is a digest of what it is made of, so that
a part that did not change keeps its name when other shards come or go. Where a group of small shards
ends depends on the shards' own paths, so that the groups around a shard that comes or goes stay as they
are (decision 0009).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from xxhash import xxh3_64_intdigest

from datagov.errors import InputError
from datagov.formats import FORMATS
from datagov.ids import digest
from datagov.shards import Shard, Slice

__all__ = ["PART_BYTES", "PART_ROWS", "Part", "check_output_names", "cut", "output_name"]

PART_BYTES = 32 * 2**20
"""Text bytes a part aims at (uncompressed, as stored)."""
PART_ROWS = 100_000
"""Most rows of a part made of more than one row group."""
EARLIEST_END = 0.5
"""How full a group of small shards must be to end where its paths say so."""
ENDS_A_PART = 4.0
"""How many such ends there are in shards of the size of a part, on average."""


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

    A shard larger than a part is cut along its row groups, by itself; smaller ones are grouped. Zero-row
    shards belong to a part too, so that their (empty) output is written.

    Parameters
    ----------
    shards : sequence of Shard
        In path order.
    part_bytes, part_rows : int
        A part is closed before a row group would take it past either. A group of shards that is half
        full may end earlier, after a shard whose path says so.
    """
    parts: list[Part] = []
    group: list[Shard] = []
    size = rows = 0

    def full(size: int, rows: int) -> float:
        return max(size / part_bytes, rows / part_rows)

    def close() -> None:
        nonlocal group, size, rows
        if group:
            parts.append(_part([(shard, 0, len(shard.group_rows)) for shard in group]))
        group, size, rows = [], 0, 0

    for shard in shards:
        more = sum(shard.group_text_bytes)
        if full(size, rows) and full(size + more, rows + shard.rows) > 1:
            close()
        if full(more, shard.rows) > 1:
            close()
            parts.extend(_part([(shard, *span)]) for span in _spans(shard, part_bytes, part_rows))
            continue
        group.append(shard)
        size, rows = size + more, rows + shard.rows
        if full(size, rows) >= EARLIEST_END and _ends_here(shard, full(more, shard.rows)):
            close()
    close()
    return parts


def _spans(shard: Shard, part_bytes: int, part_rows: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of row groups that a large shard is cut into."""
    first = size = rows = 0
    for group, (more_rows, more) in enumerate(zip(shard.group_rows, shard.group_text_bytes, strict=True)):
        if rows and (size + more > part_bytes or rows + more_rows > part_rows):
            yield first, group
            first, size, rows = group, 0, 0
        size, rows = size + more, rows + more_rows
    yield first, len(shard.group_rows)


def _ends_here(shard: Shard, share: float) -> bool:
    """Say whether a group that is full enough ends after this shard; the larger the shard, the likelier."""
    return xxh3_64_intdigest(shard.path.encode()) < ENDS_A_PART * share * 2**64


def output_name(piece: Slice) -> str:
    """Return the path a piece's kept documents go to: the shard's own as Parquet, numbered if it is cut."""
    path = PurePosixPath(piece.path)
    name = path.name
    for suffix in (suffix for kind in FORMATS.values() for suffix in kind.suffixes):
        if name.endswith(suffix):
            name = name.removesuffix(suffix)
            break
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


def _part(pieces: Sequence[tuple[Shard, int, int]]) -> Part:
    slices = []
    for shard, first, last in pieces:
        start = sum(shard.group_rows[:first])
        stop = sum(shard.group_rows[:last])
        whole = (first, last) == (0, len(shard.group_rows))
        span = (sum(shard.group_text_bytes[:first]), sum(shard.group_text_bytes[:last]))
        place = shard.places[first] if first < len(shard.places) else (0, 0)
        slices.append(Slice(shard.path, (first, last), start, stop, whole, span, place, shard.site_files))
    record = [[shard.path, shard.size, shard.footer, first, last] for shard, first, last in pieces]
    return Part(
        name="p-" + digest(json.dumps(record))[:12],
        slices=tuple(slices),
        text_bytes=sum(sum(shard.group_text_bytes[first:last]) for shard, first, last in pieces),
        modified=tuple((shard.path, shard.mtime_ns) for shard, _, _ in pieces),
    )
