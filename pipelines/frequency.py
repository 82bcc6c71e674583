"""A token-frequency table over shards: counted part by part, summed at the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from datagov.documents import list_shards
from datagov.errors import DatagovError, InputError
from datagov.frequency import FrequencyTable
from datagov.ids import digest
from datagov.places import resolved
from datagov.storage import Receipt
from datagov.tokenizer import load_tokenizer
from pipelines.executors import Executor
from pipelines.input_spec import InputSpec
from pipelines.parts import Part, cut
from pipelines.progress import Reporter
from pipelines.recipe import load_recipe
from pipelines.stage import Task, known, stage_key
from pipelines.texts import Source

__all__ = ["Corpus", "build_table", "open_corpus"]

VERSION = 1
"""Bumped when the counts of a part change for the same input."""
RECIPES = (".yaml", ".yml")


@dataclass(frozen=True)
class Corpus:
    """The documents to be counted, as they stand in their shards."""

    source: Source
    parts: tuple[Part, ...]

    @property
    def digest(self) -> str:
        """32 hex digits naming the documents: the contents of the shards, and what is read of them."""
        form = self.source.form
        return digest(
            json.dumps([form.record(), form.columns.text, sorted(part.name for part in self.parts)])
        )


def open_corpus(place: str, spec: InputSpec | None = None) -> Corpus:
    """List the input of a recipe, or a folder or file of shards.

    A recipe's steps are not applied: what they leave is counted from the folder that a run exports.

    Parameters
    ----------
    place : str
        A recipe (`.yaml`), or a path.
    spec : InputSpec or None
        How a path is read, its own `path` included; None for Parquet with a column `text`.

    Raises
    ------
    InputError
        There are no shards, or one cannot be read.
    """
    if place.endswith(RECIPES):
        spec = load_recipe(Path(place)).input
    spec = spec or InputSpec(path=place)
    form = spec.form(())
    shards, unreadable = list_shards(spec.path, form)
    if unreadable or not shards:
        lines = "; ".join(f"{shard.path}: {shard.problem}" for shard in unreadable[:10])
        raise InputError(
            f"input {spec.path}: {len(unreadable)} shard(s) cannot be read ({lines}); put them right or move them away, "
            "so that the table says what it counted"
        )
    source = Source(root=resolved(spec.path), dataset="frequency", form=form, sample=1.0)
    return Corpus(source, tuple(cut(shards)))


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
    receipts = _done(tasks, [part.text_bytes for part in corpus.parts], executor, reporter)
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


def _done(
    tasks: Sequence[Task], sizes: Sequence[int], executor: Executor, reporter: Reporter
) -> list[Receipt]:
    """Do the tasks that are not done; return one receipt a task."""
    results = [known(task) for task in tasks]
    left = [index for index, result in enumerate(results) if result is None]
    report = reporter.stage("frequency", len(tasks), len(tasks) - len(left))
    try:
        with closing(executor.map([tasks[index] for index in left])) as outcomes:
            for which, outcome in outcomes:
                if isinstance(outcome, DatagovError):
                    raise outcome
                results[left[which]] = outcome
                seconds = sum(receipt.seconds for receipt in outcome)
                report.advance(tasks[left[which]].unit, seconds, sizes[left[which]])
    finally:
        report.finish()
    return [receipt for result in results for receipt in result or ()]
