"""Where strings stand in a corpus: the table that `datagov find-strings` makes and detectors join findings with.

One Parquet file, a row for each string and source; a string that stands nowhere has one row with no documents.
What was searched is metadata of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagov.errors import InputError
from datagov.storage import encode_table, replace

__all__ = ["STRING_HITS", "StringHits", "read_hits", "read_strings", "write_hits"]

FORMAT = "datagov.string_hits/1"
KEY = b"datagov.string_hits"

STRING_HITS = pa.schema(
    [
        pa.field("string", pa.large_string(), nullable=False),
        pa.field("source", pa.string()),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("copies", pa.int64(), nullable=False),
        pa.field("examples", pa.list_(pa.uuid()), nullable=False),
    ]
)
"""string: as searched, character for character. source: of the documents; NULL where they have none, or there are no
documents. documents: how many hold it. copies: occurrences, overlapping ones too. examples: doc_ids of the first of
them in the order of the input."""


@dataclass(frozen=True)
class StringHits:
    """What a search of a corpus found."""

    table: pa.Table
    """`STRING_HITS`, by string in the order given, then by source."""
    corpus_digest: str
    """Names the documents that were searched."""
    documents: int
    """How many were searched."""
    set_aside: int
    """How many could not be: without text, not UTF-8, or too long."""

    def facts(self) -> dict[str, Any]:
        """Return what was searched, as JSON knows it."""
        return {
            "format": FORMAT,
            "corpus_digest": self.corpus_digest,
            "documents": self.documents,
            "set_aside": self.set_aside,
            "strings": pc.count_distinct(self.table.column("string")).as_py(),
        }


def read_strings(path: Path) -> list[str]:
    """Read the strings to be searched: the column `string` of a Parquet file, or the lines of any other.

    A table may have none: a model of which nothing was found has none to be searched.

    Raises
    ------
    InputError
        One is NULL, empty or there twice, or a file of lines has none.
    """
    if path.suffix == ".parquet":
        strings = _table(path, "the strings").column("string").to_pylist()
    else:
        try:
            strings = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"strings {path}: cannot be read ({error})") from error
        if not strings:
            raise InputError(f"strings {path}: there are none to be searched")
    seen: set[str] = set()
    for row, string in enumerate(strings):
        if not string:
            raise InputError(f"strings {path}: row {row} is empty; expected at least one character")
        if string in seen:
            raise InputError(f"strings {path}: row {row} is there twice ({string[:40]!r}); keep one")
        seen.add(string)
    return strings


def write_hits(path: Path, hits: StringHits) -> None:
    """Write what was found; equal findings give equal bytes.

    Raises
    ------
    PartialRun
        The disk refused.
    """
    metadata = {KEY: json.dumps(hits.facts(), sort_keys=True).encode()}
    replace(path, encode_table(hits.table.replace_schema_metadata(metadata)))


def read_hits(path: Path) -> StringHits:
    """Read what a search found.

    Raises
    ------
    InputError
        There is nothing at `path`, or something else.
    """
    table = _table(path, "what was found")
    facts = json.loads((table.schema.metadata or {}).get(KEY, b"{}"))
    if facts.get("format") != FORMAT:
        raise InputError(f"{path}: not a table of `datagov find-strings` ({FORMAT})")
    return StringHits(
        table=table.replace_schema_metadata(None).cast(STRING_HITS),
        corpus_digest=facts["corpus_digest"],
        documents=facts["documents"],
        set_aside=facts["set_aside"],
    )


def _table(path: Path, what: str) -> pa.Table:
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected {what}") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected {what}") from error
    if "string" not in table.column_names:
        names: Sequence[str] = table.column_names
        raise InputError(
            f"{path}: there is no column 'string' (it has {', '.join(names) or 'none'}); expected {what}"
        )
    return table
