"""Strings searched in a corpus: part by part, summed at the end."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagov.ids import digest
from datagov.string_hits import STRING_HITS, StringHits, read_strings
from pipelines.corpus_scan import Corpus, scan
from pipelines.executors import Executor
from pipelines.progress import Reporter
from pipelines.stage import Task, stage_key
from pipelines.stages.find_strings import EXAMPLES

__all__ = ["find_strings"]

KEYS = ["number", "source"]
ORDER = [(key, "ascending") for key in KEYS]

VERSION = 1
"""Bumped when the same part would give other rows."""


def find_strings(
    corpus: Corpus, strings: Path, work: Path, executor: Executor, reporter: Reporter
) -> StringHits:
    """Say of each string in how many documents of each source it stands, character for character.

    Parts that were searched before for the same strings are not searched again.

    Parameters
    ----------
    corpus : Corpus
    strings : Path
        See `datagov.string_hits.read_strings`.
    work : Path
        Where what the parts gave is kept.
    executor : Executor
    reporter : Reporter

    Raises
    ------
    DatagovError
        The strings cannot be read, or what a part met; what is done of the others is kept.
    """
    wanted = read_strings(strings)
    key = stage_key(
        "find_strings",
        VERSION,
        digest(*wanted),
        corpus.source.dataset,
        corpus.source.form.record(),
        corpus.source.columns.named(),
    )
    tasks = [
        Task(
            stage="find_strings",
            unit=part.name,
            out=str(work),
            receipts=(f"receipts/find_strings-{key}/{part.name}.json",),
            args={
                "source": corpus.source,
                "slices": part.slices,
                "strings": str(strings.resolve()),
                "strings_digest": digest(*wanted),
                "file": f"find_strings/{key}/{part.name}.parquet",
            },
            inputs={"modified": [list(item) for item in part.modified]},
        )
        for part in corpus.parts
    ]
    receipts = scan(corpus, tasks, executor, reporter)
    found = pa.concat_tables([pq.read_table(work / receipt.files[0].path) for receipt in receipts])
    return StringHits(
        table=_joined(found, wanted),
        corpus_digest=corpus.digest,
        documents=sum(receipt.facts["documents"] for receipt in receipts),
        set_aside=sum(receipt.facts["set_aside"] for receipt in receipts),
    )


def _joined(found: pa.Table, strings: list[str]) -> pa.Table:
    """Add the parts up; a string that none has found gets a row without documents."""
    named = found.column("examples").combine_chunks()
    documents = (
        found.select(KEYS).take(pc.list_parent_indices(named)).append_column("doc", pc.list_flatten(named))
    )
    # Every row names a document, so that both have the same groups; the documents come in the order of the parts.
    groups = _grouped(found, [("documents", "sum"), ("copies", "sum")])
    lists = _grouped(documents, [("doc", "list")]).column("doc_list")
    examples = pc.list_slice(lists.combine_chunks(), 0, EXAMPLES)
    missing = sorted(set(range(len(strings))) - set(groups.column("number").to_pylist()))
    number = pa.concat_arrays(
        [pc.cast(groups.column("number").combine_chunks(), pa.int64()), pa.array(missing, pa.int64())]
    )
    nothing = pa.array([0] * len(missing), pa.int64())
    table = pa.table(
        {
            "number": number,
            "string": pa.array(strings, pa.large_string()).take(number),
            "source": pa.concat_arrays(
                [groups.column("source").combine_chunks(), pa.nulls(len(missing), pa.string())]
            ),
            "documents": pa.concat_arrays([groups.column("documents_sum").combine_chunks(), nothing]),
            "copies": pa.concat_arrays([groups.column("copies_sum").combine_chunks(), nothing]),
            "examples": pa.concat_arrays([examples, pa.array([[]] * len(missing), examples.type)]),
        }
    )
    return table.sort_by(ORDER).drop_columns("number").cast(STRING_HITS)


def _grouped(table: pa.Table, wanted: list[tuple[str, str]]) -> pa.Table:
    return table.group_by(KEYS, use_threads=False).aggregate(wanted).sort_by(ORDER)
