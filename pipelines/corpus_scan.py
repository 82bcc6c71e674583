"""What a scan of a corpus is: its shards cut into parts, and a stage done once for each of them.

Scans answer one question about the documents as they stand in their shards; they make no ledger.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from datagov.documents import list_shards
from datagov.errors import DatagovError, InputError
from datagov.ids import digest
from datagov.places import resolved
from datagov.storage import Receipt
from pipelines.executors import Executor
from pipelines.input_spec import InputSpec
from pipelines.parts import Part, cut
from pipelines.progress import Reporter
from pipelines.recipe import load_recipe
from pipelines.stage import Task, known
from pipelines.texts import Source

__all__ = ["RECIPES", "Corpus", "open_corpus", "scan"]

RECIPES = (".yaml", ".yml")
"""Endings of a recipe's name."""
NO_DATASET = "corpus"
"""Names the dataset of a corpus that is given as a path."""


@dataclass(frozen=True)
class Corpus:
    """The documents of a corpus, as they stand in their shards."""

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

    A recipe's steps are not applied: what they leave is read from the folder that a run exports.

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
    dataset = NO_DATASET
    if place.endswith(RECIPES):
        recipe = load_recipe(Path(place))
        dataset, spec = recipe.dataset, recipe.input
    spec = spec or InputSpec(path=place)
    form = spec.form(())
    shards, unreadable = list_shards(spec.path, form)
    if unreadable or not shards:
        lines = "; ".join(f"{shard.path}: {shard.problem}" for shard in unreadable[:10])
        raise InputError(
            f"input {spec.path}: {len(unreadable)} shard(s) cannot be read ({lines}); put them right or move them away, "
            "so that the answer says what it was read from"
        )
    source = Source(root=resolved(spec.path), dataset=dataset, form=form, sample=1.0)
    return Corpus(source, tuple(cut(shards)))


def scan(corpus: Corpus, tasks: Sequence[Task], executor: Executor, reporter: Reporter) -> list[Receipt]:
    """Do a stage for every part of a corpus, but for those that were done before.

    Parameters
    ----------
    corpus : Corpus
    tasks : sequence of Task
        One a part, in their order, all of one stage.
    executor : Executor
    reporter : Reporter

    Returns
    -------
    list of Receipt
        One a part.

    Raises
    ------
    DatagovError
        What a part met; what is done of the others is kept.
    """
    results = [known(task) for task in tasks]
    left = [index for index, result in enumerate(results) if result is None]
    report = reporter.stage(tasks[0].stage, len(tasks), len(tasks) - len(left))
    try:
        with closing(executor.map([tasks[index] for index in left])) as outcomes:
            for which, outcome in outcomes:
                if isinstance(outcome, DatagovError):
                    raise outcome
                results[left[which]] = outcome
                seconds = sum(receipt.seconds for receipt in outcome)
                report.advance(tasks[left[which]].unit, seconds, corpus.parts[left[which]].text_bytes)
    finally:
        report.finish()
    return [receipt for result in results for receipt in result or ()]
