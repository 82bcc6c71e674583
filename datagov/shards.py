"""Shards and slices: what a listing says of the input, before a document is read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from datagov.columns import Columns
from datagov.errors import DamagedShard

__all__ = [
    "FILES_ARE_DOCUMENTS",
    "MOST_UTF8",
    "PROBLEMS",
    "InputForm",
    "Place",
    "Rows",
    "Shard",
    "Slice",
    "UnreadableShard",
    "WebForm",
    "damaged_shard",
]

PROBLEMS = (
    *("", "null_text", "not_utf8", "too_long", "not_json", "wrong_type"),
    *("not_a_page", "http_status", "bad_record", "page_too_large", "page_too_deep", "no_main_text"),
)
"""Why a document is set aside; index 0 means it is not."""


FILES_ARE_DOCUMENTS = ("text", "html")
"""Formats of one file a document, whose path is a column."""
MOST_UTF8 = 4
"""Most bytes of a character."""
SPLIT_BYTES = 2**28
"""Longest text that is held in memory to be split."""


@dataclass(frozen=True)
class WebForm:
    """How pages of the web become texts."""

    extract: str = "resiliparse"
    """One of `datagov.web.pages.EXTRACTIONS`."""
    extracted_by: str | None = None
    """Names and versions of the libraries; None takes any."""
    max_page_bytes: int = 16 * 2**20
    """A page larger than that, its compression undone, is set aside without being parsed."""
    agents: tuple[str, ...] = ("*",)
    """Names of robots for whom reservations are read; `*` is all."""


@dataclass(frozen=True)
class InputForm:
    """How the documents are written down: all that a format needs to find rows and columns."""

    format: str = "parquet"
    columns: Columns = field(default_factory=Columns)
    fields: tuple[tuple[str, str], ...] = ()
    """JSONL only: (field, type) of fields that become columns of their own."""
    hive: bool = False
    """Whether folders named `key=value` give columns."""
    path_column: str | None = None
    """Name of a column that holds each document's file."""
    max_document_chars: int = 10_000_000
    long_documents: str = "set_aside"
    """What becomes of longer texts: `set_aside`, or `split` into documents of their own."""
    web: WebForm | None = None
    """How pages are read; None where the format holds none."""

    @property
    def most_bytes(self) -> int:
        """Bytes above which a text is set aside without being read."""
        longest = MOST_UTF8 * self.max_document_chars
        return max(longest, SPLIT_BYTES) if self.long_documents == "split" else longest

    def record(self) -> dict[str, Any]:
        """Return the form as plain data, for the run's manifest."""
        return {
            "format": self.format,
            "fields": dict(self.fields),
            "hive": self.hive,
            "path_column": self.path_column,
            "max_document_chars": self.max_document_chars,
            "long_documents": self.long_documents,
            **({} if self.web is None else {"web": asdict(self.web)}),
        }


Place = tuple[int, int]
"""A record of an archive: the byte of the file from which to read, and how many records to pass over from there."""


@dataclass(frozen=True)
class Shard:
    """One readable unit of the input: a file, or a folder of text files."""

    path: str
    """Relative to the input root, with forward slashes."""
    size: int
    mtime_ns: int
    footer: str
    """Digest that names the contents: of a Parquet footer (schema, row groups, statistics, offsets), of the
    bytes of a file of lines or of an archive, of the names, sizes and times of text files."""
    group_rows: tuple[int, ...]
    """Rows by group: a Parquet row group, a block of lines, a run of text files."""
    group_text_bytes: tuple[int, ...]
    """Uncompressed bytes by group: of the text column in Parquet, of whole lines in files of lines, of records."""
    places: tuple[Place, ...] = ()
    """Archives only: where each group begins."""
    site_files: tuple[Place, ...] = ()
    """Archives only: where the records are that speak of sites of which the shard holds pages."""
    passed_over: tuple[tuple[str, int], ...] = ()
    """(kind, how many) of the records that can be no documents, by kind."""

    @property
    def rows(self) -> int:
        """Documents in the shard."""
        return sum(self.group_rows)


@dataclass(frozen=True)
class UnreadableShard:
    """A file that should hold documents with the declared columns and does not."""

    path: str
    problem: str


@dataclass(frozen=True)
class Slice:
    """Consecutive groups of one shard; `start` and `stop` are rows of the shard."""

    path: str
    groups: tuple[int, int]
    start: int
    stop: int
    whole: bool
    """Whether the slice is the whole shard."""
    span: tuple[int, int] = (0, 0)
    """`group_text_bytes` before the slice, and up to its end: where the lines of a slice lie in their file."""
    place: Place = (0, 0)
    """Archives only: where the slice begins."""
    site_files: tuple[Place, ...] = ()
    """The shard's."""

    @property
    def rows(self) -> int:
        """Documents in the slice."""
        return self.stop - self.start


@dataclass(frozen=True)
class Rows:
    """Consecutive rows as a format reads them."""

    batch: pa.RecordBatch
    problem: np.ndarray | None = None
    """uint8[N]: index into PROBLEMS, where the format itself had to set a document aside; None for nowhere."""


def damaged_shard(path: str, error: Exception, what: str = "cannot be read") -> DamagedShard:
    """Return the error that says which shard could not be read, and why."""
    damaged = DamagedShard(f"{path}: {what} ({' '.join(str(error).split())})")
    damaged.shard = path
    return damaged
