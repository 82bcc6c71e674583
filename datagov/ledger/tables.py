"""Schemas of the ledger's tables: the public contract of every run.

All by-document tables of a part hold the same documents in the same order. Their files carry the
part's name, so that (file stem, row number in the file) joins them and no identifier is repeated.
"""

from __future__ import annotations

import pyarrow as pa

__all__ = [
    "BUCKETS",
    "DECISIONS",
    "DOCUMENTS",
    "EDITS",
    "ERRORS",
    "FORMAT_VERSION",
    "LIMITS",
    "LINE_VALUES",
    "PAIRS",
    "PIECES",
    "REASON",
    "REPEATS",
    "SPANS",
    "TABLES",
    "TEMPLATES",
    "edits_schema",
]

FORMAT_VERSION = 1
"""Version of the output folder's layout and of these schemas."""

UUID = pa.uuid()

DOCUMENTS = pa.schema(
    [
        pa.field("doc_id", UUID, nullable=False),
        pa.field("content_id", UUID),
        pa.field("id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("url", pa.string()),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("shard_row", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64()),
        pa.field("chars", pa.int64()),
    ]
)
"""One row an input document. `bytes` and `chars` (code points) are of the input text, NULL where the
document was set aside; `content_id` is NULL there and where the text has no visible character."""

EDITS = pa.schema(
    [
        pa.field("changed", pa.bool_(), nullable=False),
        pa.field("chars_before", pa.int64(), nullable=False),
        pa.field("chars_after", pa.int64(), nullable=False),
    ]
)
"""One row a document and edit step: what the edit did to the text, in code points; a document that was not looked at,
set aside or dropped before a gate, counts as unchanged and empty. Each kind of edit adds columns of its own
(`edits_schema`)."""


def edits_schema(*counts: str) -> pa.Schema:
    """Return the schema of one kind of edit: `EDITS`, then its counts, int64 and never NULL."""
    return pa.schema([*EDITS, *(pa.field(name, pa.int64(), nullable=False) for name in counts)])


SPANS = pa.schema(
    [
        pa.field("doc_id", UUID, nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("term", pa.string()),
    ]
)
"""One row a stretch of text and a rule, ordered by document and start: `start` and `end` (exclusive) in code points of
the text as it stands before the step. Of an edit, what it removed or replaced and a rule it went by: a stretch that
several rules name has a row for each, other stretches never overlap, and cutting all of them from the edit's input, or
putting the recipe's tag of its rule in place of each, gives its output. Of a filter, what a family found that says
where: `rule` is the family's name and what was found of it, `term` the id of a lexicon's term; nothing is changed.
`term` is NULL elsewhere."""

REPEATS = pa.schema(
    [
        pa.field("doc_id", UUID, nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("keeper_part", pa.dictionary(pa.int32(), pa.string())),
        pa.field("keeper_row", pa.int64()),
        pa.field("keeper_start", pa.int64()),
        pa.field("copies", pa.int64(), nullable=False),
    ]
)
"""Why span_dedup cut what it cut: one row a unit (a line, a paragraph, some sentences in a row) that goes, ordered by
row and start; units of several sentences may overlap. `keeper_part` and `keeper_row` name the document in which the
one that stays stands, at `keeper_start`; NULL where none stays. `copies` is how often it stood in the documents that
reached the step. Positions in code points of the texts as they stand before the step."""

REASON = pa.struct(
    [
        pa.field("step", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("bound", pa.string()),
        pa.field("limit", pa.float64()),
        pa.field("annotation", pa.bool_(), nullable=False),
        pa.field("keeper", pa.binary(16)),
        pa.field("condition", pa.string()),
        pa.field(
            "signals",
            pa.list_(
                pa.struct([pa.field("signal", pa.string(), nullable=False), pa.field("value", pa.float64())])
            ),
        ),
    ]
)
"""One crossed bound. `bound` is min | max | missing | where | otherwise | same | jaccard; `value` is NULL when the
signal is undefined; `annotation` marks a step that records without removing; `keeper` is the
kept document that a duplicate was matched with. Of a condition that a document does not meet, `rule` is its
name, `condition` its SQL and `signals` the values it read; `bound` is `where` where it is false and
`missing` where it is undefined."""

DECISIONS = pa.schema(
    [
        pa.field("doc_id", UUID, nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("step", pa.string()),
        pa.field("reasons", pa.list_(REASON), nullable=False),
        pa.field("keeper", UUID),
        pa.field("survivor", UUID),
        pa.field("orphaned", pa.bool_(), nullable=False),
        pa.field("cluster_size", pa.int64()),
    ]
)
"""One row a document: `action` is keep | remove | error; `step` the step that removed it; `reasons`
every bound crossed at the steps it reached; `keeper` the document it duplicates; `survivor` the kept
document at the end of the chain of keepers, NULL when that chain ends in a document removed for
another reason (`orphaned`); `cluster_size` the number of documents, itself included, of the duplicate
cluster it was removed from or kept for."""

ERRORS = pa.schema(
    [
        pa.field("doc_id", UUID),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("shard_row", pa.int64()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""Documents set aside and shards that could not be read (`shard_row` NULL)."""

PIECES = pa.schema(
    [
        pa.field("doc_id", UUID, nullable=False),
        pa.field("parent", UUID, nullable=False),
        pa.field("number", pa.int32(), nullable=False),
        pa.field("pieces", pa.int32(), nullable=False),
        pa.field("start_char", pa.int64(), nullable=False),
        pa.field("start_byte", pa.int64(), nullable=False),
    ]
)
"""One row a document that is a piece of a longer text (`long_documents: split`): the `number`-th, from 0, of the
`pieces` that the text of `parent` was cut into, beginning at this code point and byte of it. The parent is no
document of the run; its doc_id is the one it would have had. All pieces have its shard, row, id, source and url."""

BUCKETS = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("part", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
    ]
)
"""Membership of MinHash buckets of two documents or more, ordered by key, part, row."""

TEMPLATES = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("members", pa.int64(), nullable=False),
        pa.field("split_into", pa.int64(), nullable=False),
    ]
)
"""Buckets over the cap, which look like templates: how many documents, and how many smaller buckets
of two or more they were split into by further signature rows."""

PAIRS = pa.schema(
    [
        pa.field("a", UUID, nullable=False),
        pa.field("b", UUID, nullable=False),
        pa.field("shared_bands", pa.int32(), nullable=False),
        pa.field("agreeing_rows", pa.int32(), nullable=False),
        pa.field("signature_rows", pa.int32(), nullable=False),
        pa.field("intersection", pa.int64(), nullable=False),
        pa.field("union", pa.int64(), nullable=False),
        pa.field("verified", pa.bool_(), nullable=False),
    ]
)
"""Every pair whose shingle sets were compared: `a` the document tried, `b` the kept document it was
tried against; Jaccard = intersection / union; `agreeing_rows / signature_rows` is the estimate from
the one-byte signatures; `verified` says that the Jaccard reached the step's threshold."""

LIMITS = pa.schema(
    [
        pa.field("signal", pa.string(), nullable=False),
        pa.field("bound", pa.string(), nullable=False),
        pa.field("quantile", pa.float64(), nullable=False),
        pa.field("by", pa.string()),
        pa.field("stratum", pa.string()),
        pa.field("limit", pa.float64()),
        pa.field("documents", pa.int64(), nullable=False),
    ]
)
"""What a step's quantile bounds came to: `bound` is min | max; `by` the column whose values (`stratum`, which
may be NULL) have a limit each, NULL where there is one for all; `documents` those it was taken of. `limit`
is NULL where there were none: it then bounds nothing."""

LINE_VALUES = pa.schema(
    [
        pa.field("doc_id", UUID, nullable=False),
        pa.field("line", pa.int32(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("rule", pa.dictionary(pa.int8(), pa.string()), nullable=False),
        pa.field("numerator", pa.int64(), nullable=False),
        pa.field("denominator", pa.int64()),
    ]
)
"""What a filter's families that measure single lines say of each line that is not blank, a row for each of their rules:
the `line`-th of the document, from 0, and its code points. The value is the numerator where there is no denominator."""

TABLES: dict[str, pa.Schema] = {
    "documents": DOCUMENTS,
    "edits": EDITS,
    "spans": SPANS,
    "errors": ERRORS,
    "pieces": PIECES,
    "buckets": BUCKETS,
    "templates": TEMPLATES,
    "limits": LIMITS,
    "line_values": LINE_VALUES,
    "repeats": REPEATS,
    "pairs": PAIRS,
    "decisions": DECISIONS,
}
