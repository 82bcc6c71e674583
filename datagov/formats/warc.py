"""WARC and WET: a record of an archive that can hold a page is a row; what its page says is the text.

Requests, metadata and other records that can be no documents are no rows; how many there are of each kind is
recorded. Rows that give no document are set aside with the reason. A file is read once when it is listed, and
cut into blocks of records whose places are kept, so that a part begins to read where its first record is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
from xxhash import xxh3_128

from datagov.columns import Choice, check_columns
from datagov.files import Files, FoundFile
from datagov.formats.captures import Sites, capture, capture_schema
from datagov.shards import PROBLEMS, InputForm, Place, Rows, Shard, Slice
from datagov.web.archive import PAGE_KINDS, Record, records, require_whole
from datagov.web.sites import origin_of, site_file

__all__ = ["Warc"]

BLOCK_BYTES = 4 * 2**20
"""A block of records ends with the first that takes it to this size (uncompressed)."""
BLOCK_ROWS = 5_000
"""Most rows of a block."""
BATCH_BYTES = 16 * 2**20
SITE_FILE_BYTES = 2**20
"""Longest record that is read as a file about its site."""


class _Digested:
    """A file that is read once, from its beginning, and digested on the way."""

    def __init__(self, source: pa.NativeFile) -> None:
        self._source = source
        self._digest = xxh3_128()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        data = bytes(self._source.read(size if size >= 0 else BLOCK_BYTES))
        self._digest.update(data)
        return data

    def tell(self) -> int:
        """Return how many bytes were read."""
        return int(self._source.tell())

    def rest(self) -> str:
        """Read what is left, and return 32 hex digits that name all bytes."""
        while self.read(BLOCK_BYTES):
            pass
        return str(self._digest.hexdigest())


class Warc:
    """Web archives."""

    name = "warc"
    suffixes: tuple[str, ...] = (".warc", ".warc.gz", ".wet", ".wet.gz")

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
        """Read the file once: count its records, cut it into blocks, find the files about its sites."""
        (status,) = found
        if status.size == 0:
            raise pa.ArrowInvalid("the file is empty (0 bytes)")
        check_columns(self.schema(files, path, form), required, path)
        listing = _Listing()
        with files.open(path) as source:
            stream = _Digested(source)
            for record in records(stream):
                listing.add(record)
            digest = stream.rest()
            by_place = require_whole(source, listing.last)
        return listing.shard(path, status, digest, by_place=by_place)

    def schema(self, files: Files, path: str, form: InputForm) -> pa.Schema:
        """Return the columns a slice of any shard is read with."""
        del files, path
        return capture_schema(form)

    def read(
        self, files: Files, piece: Slice, choose: Choice, form: InputForm, most_rows: int
    ) -> Iterator[Rows]:
        """Yield the slice's rows in order."""
        names = choose(capture_schema(form)) or capture_schema(form).names
        sites = _sites(files, piece.path, piece.site_files)
        found: list[dict[str, Any]] = []
        size = 0
        with _from(files, piece.path, piece.place) as rows:
            for _, record in zip(range(piece.rows), rows, strict=False):
                found.append(capture(record, form, sites))
                size += len(found[-1][form.columns.text] or "")
                if size >= BATCH_BYTES or len(found) >= most_rows:
                    yield _rows(found, names, form)
                    found, size = [], 0
        if found:
            yield _rows(found, names, form)

    def texts(self, files: Files, path: str, rows: Sequence[int], form: InputForm) -> dict[int, bytes | None]:
        """Return the text at some rows; the records before the last of them are passed over."""
        wanted = set(rows)
        found: dict[int, bytes | None] = {}
        with _from(files, path, (0, 0)) as every:
            for row, record in zip(range(max(wanted, default=-1) + 1), every, strict=False):
                if row in wanted:
                    text = capture(record, form, Sites())[form.columns.text]
                    found[row] = None if text is None else text.encode()
        return found


class _Listing:
    """What one reading of an archive tells."""

    def __init__(self) -> None:
        self.last = 0
        self._records = 0
        self._rows: list[int] = []
        self._sizes: list[int] = []
        self._places: list[Place] = []
        self._site_files: list[tuple[Place, str | None]] = []
        self._origins: set[str | None] = set()
        self._others: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        """Take a record, whose block is passed over.

        Raises
        ------
        ArrowInvalid
            The block is shorter than the record's head says.
        """
        self.last = record.at
        place = (record.at, self._records)
        self._records += 1
        if record.kind in PAGE_KINDS:
            self._row(record, place)
        else:
            self._others[record.kind] += 1
        length = record.skip()
        if length != record.length:
            raise pa.ArrowInvalid(
                f"is cut off in record {self._records}, which begins at byte {record.at}: its block has {length} bytes, "
                f"its head says {record.length}"
            )

    def _row(self, record: Record, place: Place) -> None:
        if not self._rows or self._sizes[-1] >= BLOCK_BYTES or self._rows[-1] >= BLOCK_ROWS:
            self._rows.append(0)
            self._sizes.append(0)
            self._places.append(place)
        self._rows[-1] += 1
        self._sizes[-1] += record.length
        url = record.url or ""
        if site_file(url) is None:
            self._origins.add(origin_of(url))
        else:
            self._site_files.append((place, origin_of(url)))

    def shard(self, path: str, status: FoundFile, digest: str, *, by_place: bool) -> Shard:
        """Return the shard; records that cannot be found by their place are counted from the beginning."""

        def kept(place: Place) -> Place:
            return (place[0], 0) if by_place else (0, place[1])

        return Shard(
            path=path,
            size=status.size,
            mtime_ns=status.mtime_ns,
            footer=digest,
            group_rows=tuple(self._rows),
            group_text_bytes=tuple(self._sizes),
            places=tuple(kept(place) for place in self._places),
            site_files=tuple(kept(place) for place, origin in self._site_files if origin in self._origins),
            passed_over=tuple(sorted(self._others.items())),
        )


@contextmanager
def _from(files: Files, path: str, place: Place) -> Iterator[Iterator[Record]]:
    """Give the rows of an archive from a place on."""
    at, skipped = place
    with files.open(path) as source:
        source.seek(at)
        every = records(source)
        for _ in zip(range(skipped), every, strict=False):
            pass
        yield (record for record in every if record.kind in PAGE_KINDS)


def _sites(files: Files, path: str, places: Sequence[Place]) -> Sites:
    sites = Sites()
    for place in places:
        with _from(files, path, place) as rows:
            sites.add(next(rows, None), SITE_FILE_BYTES)
    return sites


def _rows(found: Sequence[Mapping[str, Any]], names: Sequence[str], form: InputForm) -> Rows:
    schema = capture_schema(form)
    arrays = [pa.array([row[name] for row in found], schema.field(name).type) for name in names]
    problem = np.array([PROBLEMS.index(row["problem"]) for row in found], np.uint8)
    return Rows(pa.RecordBatch.from_arrays(arrays, names=list(names)), problem)
