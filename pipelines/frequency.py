"""A token-frequency table over shards: counted part by part, summed at the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from datagov.frequency import FrequencyTable
from datagov.tokenizer import load_tokenizer
from pipelines.corpus_scan import Corpus, scan
from pipelines.executors import Executor
from pipelines.progress import Reporter
from pipelines.stage import Task, stage_key

__all__ = ["build_table"]

VERSION = 1
"""Bumped when the counts of a part change for the same input."""


def build_table(
    corpus: Corpus,
    tokenizer: Path,
    work: Path,
    executor: Executor,
    reporter: Reporter,
    *,
    token_cap: int | None = None,
) -> FrequencyTable:
    """Count the tokens of a corpus; parts that were counted before are not counted again.

    Parameters
    ----------
    corpus : Corpus
    tokenizer : Path
        `tokenizer.json` or its folder.
    work : Path
        Where the counts of the parts are kept.
    executor : Executor
    reporter : Reporter
    token_cap : int or None
        Most tokens counted of a document.

    Raises
    ------
    DatagovError
        What a part met; the others' counts are kept.
    """
    loaded = load_tokenizer(tokenizer)
    key = stage_key(
        "frequency",
        VERSION,
        loaded.digest,
        token_cap,
        corpus.source.form.record(),
        corpus.source.columns.text,
    )
    tasks = [
        Task(
            stage="frequency",
            unit=part.name,
            out=str(work),
            receipts=(f"receipts/frequency-{key}/{part.name}.json",),
            args={
                "source": corpus.source,
                "slices": part.slices,
                "tokenizer": str(tokenizer.resolve()),
                "tokenizer_digest": loaded.digest,
                "token_cap": token_cap,
                "file": f"frequency/{key}/{part.name}.parquet",
                "threads": executor.workers == 1,
            },
            inputs={"modified": [list(item) for item in part.modified]},
        )
        for part in corpus.parts
    ]
    receipts = scan(corpus, tasks, executor, reporter)
    counts = np.zeros(loaded.vocabulary_size, np.int64)
    for receipt in receipts:
        counts += pq.read_table(work / receipt.files[0].path).column("count").to_numpy()
    set_aside = sum(receipt.facts["set_aside"] for receipt in receipts)
    if set_aside:
        reporter.warn(
            f"{set_aside} document(s) have no text that can be counted (NULL, not UTF-8, or too long)"
        )
    return FrequencyTable(
        counts=counts,
        tokenizer_digest=loaded.digest,
        corpus_digest=corpus.digest,
        token_cap=token_cap,
        documents=sum(receipt.facts["documents"] for receipt in receipts),
    )
