"""find_strings: which of many strings stand in the texts of one part, how often, and where first."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.errors import ConfigError
from datagov.ids import digest
from datagov.storage import Output, Receipt
from datagov.string_hits import read_strings
from pipelines.stage import Task, finish
from pipelines.texts import Source, read_part, text_column

if TYPE_CHECKING:
    from ahocorasick_rs import BytesAhoCorasick

    from pipelines.texts import Chunk

__all__ = ["EXAMPLES", "apply"]

EXAMPLES = 3
"""Documents named for each string and source."""

FOUND = pa.schema(
    [
        pa.field("number", pa.int64(), nullable=False),
        pa.field("source", pa.string()),
        pa.field("doc_id", pa.uuid(), nullable=False),
        pa.field("copies", pa.int64(), nullable=False),
    ]
)


def apply(task: Task) -> list[Receipt]:
    """Search one part.

    `args`: source (Source), slices, strings (path), strings_digest, file (where what is found goes).

    Raises
    ------
    ConfigError
        The strings are not those the work was planned with, or the library that searches is missing.
    """
    started = time.perf_counter()
    source: Source = task.args["source"]
    automaton = _automaton(task.args["strings"], task.args["strings_digest"])
    documents = set_aside = 0
    found = []
    for chunk in read_part(source, task.args["slices"], ()):
        documents += len(chunk.rows)
        set_aside += len(chunk.text) - len(chunk.rows)
        found.append(_found(automaton, chunk, source))
    table = pa.concat_tables([FOUND.empty_table(), *found])
    facts = {"documents": documents, "set_aside": set_aside}
    return [finish(task, [Output(task.args["file"], _summed(table))], facts, started)]


@lru_cache(maxsize=1)
def _automaton(path: str, expected: str) -> BytesAhoCorasick:
    try:
        from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind  # noqa: PLC0415 - optional
    except ImportError as error:
        raise ConfigError("searching strings needs ahocorasick-rs: pip install 'datagov[strings]'") from error
    strings = read_strings(Path(path))
    if digest(*strings) != expected:
        raise ConfigError(f"strings {path}: was changed while it was searched for; run again")
    return BytesAhoCorasick(
        [string.encode() for string in strings],
        matchkind=MatchKind.Standard,
        implementation=Implementation.ContiguousNFA,
    )


def _found(automaton: BytesAhoCorasick, chunk: Chunk, source: Source) -> pa.Table:
    """Return one row for each string and document of a chunk that holds it.

    The texts are searched as the one run of bytes they are in memory; what begins in one document and ends in
    another is no occurrence. UTF-8 is such that equal bytes at any place are equal characters.
    """
    texts = chunk.texts
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    if len(texts) == 0 or offsets[-1] == offsets[0]:
        return FOUND.empty_table()
    data = memoryview(texts.buffers()[2]).cast("B")[offsets[0] : offsets[-1]]
    hits = automaton.find_matches_as_indexes(data, overlapping=True)
    if not hits:
        return FOUND.empty_table()
    number, start, end = np.array(hits, np.int64).T
    row = np.searchsorted(offsets - offsets[0], start, side="right") - 1
    inside = end <= (offsets - offsets[0])[row + 1]
    # One row a pair of string and document.
    pairs, copies = np.unique(np.stack([number[inside], row[inside]]), axis=1, return_counts=True)
    documents = pa.array(chunk.rows[pairs[1]])
    return pa.table(
        [
            pa.array(pairs[0]),
            text_column(chunk.columns, source.columns, "source").take(documents),
            chunk.doc_ids.take(documents),
            pa.array(copies.astype(np.int64)),
        ],
        schema=FOUND,
    )


def _summed(found: pa.Table) -> pa.Table:
    """Return a row for each string and source: documents, copies, and the first documents."""
    storage = found.set_column(2, "doc_id", found.column("doc_id").combine_chunks().storage)
    groups = storage.group_by(["number", "source"], use_threads=False).aggregate(
        [("copies", "count"), ("copies", "sum"), ("doc_id", "list")]
    )
    first = pc.list_slice(groups.column("doc_id_list").combine_chunks(), 0, EXAMPLES)
    return pa.table(
        {
            "number": groups.column("number"),
            "source": groups.column("source"),
            "documents": groups.column("copies_count"),
            "copies": groups.column("copies_sum"),
            "examples": first,
        }
    ).sort_by([("number", "ascending"), ("source", "ascending")])
