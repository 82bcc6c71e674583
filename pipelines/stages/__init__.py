"""The stages, as verbs in the order of the data. `STAGES` is what an executor can be asked to do."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from datagov.errors import DatagovError
from datagov.storage import Receipt
from pipelines.stage import Task, known

__all__ = ["STAGES", "execute"]

STAGES = (
    "measure",
    "identify",
    "screen",
    "collect",
    "tally",
    "settle",
    "count",
    "sift",
    "excerpt",
    "compare",
    "mark",
    "exact",
    "match",
    "link",
    "gather",
    "elect",
    "resolve",
    "decide",
    "export",
    "frequency",
    "find_strings",
)
"""Each is a module of this package with a function `apply(task) -> list of receipts`."""


def execute(task: Task) -> list[Receipt] | DatagovError:
    """Do one task, unless its receipts say that it is done; return its receipts.

    An error that is the user's to mend is returned, not raised: one task's trouble must not stop the
    others, whatever executor they run on.
    """
    done = known(task)
    if done is not None:
        return done
    if task.stage not in STAGES:
        raise KeyError(task.stage)
    apply: Callable[[Task], list[Receipt]] = import_module(f"pipelines.stages.{task.stage}").apply
    try:
        return apply(task)
    except DatagovError as error:
        return error
