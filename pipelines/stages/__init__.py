"""The stages, as verbs in the order of the data. `STAGES` is what an executor can be asked to do."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from datagov.storage import Receipt
from pipelines.stage import Task, known

__all__ = ["STAGES", "execute"]

STAGES = (
    "measure",
    "identify",
    "screen",
    "collect",
    "exact",
    "match",
    "link",
    "gather",
    "elect",
    "resolve",
    "decide",
    "export",
)
"""Each is a module of this package with a function `apply(task) -> list of receipts`."""


def execute(task: Task) -> list[Receipt]:
    """Do one task, unless its receipts say that it is done; return its receipts."""
    done = known(task)
    if done is not None:
        return done
    if task.stage not in STAGES:
        raise KeyError(task.stage)
    apply: Callable[[Task], list[Receipt]] = import_module(f"pipelines.stages.{task.stage}").apply
    return apply(task)
