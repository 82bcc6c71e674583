"""Formats of the input: each lists shards with rows, sizes and digests, and reads slices as record batches.

Adding one is a module here and a line in `FORMATS`; the stages see record batches, whatever the format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from datagov.columns import Choice
from datagov.files import Files, FoundFile
from datagov.formats.html_files import HtmlFiles
from datagov.formats.jsonl import Jsonl
from datagov.formats.parquet import Parquet
from datagov.formats.text_files import TextFiles
from datagov.formats.warc import Warc
from datagov.shards import InputForm, Rows, Shard, Slice

__all__ = ["FORMATS", "Format"]


class Format(Protocol):
    """How one kind of file is listed and read."""

    name: str
    suffixes: tuple[str, ...]
    """Ends of the names of its files."""

    def shards(self, found: Sequence[FoundFile]) -> list[tuple[str, list[FoundFile]]]:
        """Return (shard path, its files) in path order."""

    def look(
        self,
        files: Files,
        path: str,
        found: Sequence[FoundFile],
        form: InputForm,
        required: Mapping[str, str],
    ) -> Shard:
        """Return one shard's rows, sizes and digest; an OSError or ArrowInvalid makes it unreadable."""

    def schema(self, files: Files, path: str, form: InputForm) -> pa.Schema:
        """Return the columns of a shard."""

    def read(
        self, files: Files, piece: Slice, choose: Choice, form: InputForm, most_rows: int
    ) -> Iterator[Rows]:
        """Yield a slice's rows in order, about 16 MiB at a time; `choose` is asked before the first are read."""

    def texts(self, files: Files, path: str, rows: Sequence[int], form: InputForm) -> dict[int, bytes | None]:
        """Return row -> the text there, for the rows that exist."""


FORMATS: Mapping[str, Format] = {
    each.name: each for each in (Parquet(), Jsonl(), TextFiles(), HtmlFiles(), Warc())
}
"""Name in the recipe (`input.format`) -> the format."""
