"""The contract between the run, the executors and the stages.

A stage is a function from a task to receipts. It reads files named by the task, computes tables and
commits them; it knows nothing of processes or clusters. Doing a task twice, or at two places at once,
is harmless: names follow from inputs, equal inputs give equal bytes, and the first receipt stands.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datagov.errors import DatagovError
from datagov.ids import digest
from datagov.storage import Folder, Output, Receipt, commit, folder_of, read_receipt

__all__ = ["Outcome", "Task", "finish", "known", "stage_key"]

Outcome = list[Receipt] | DatagovError
"""What came of a task: its receipts, or an error that is the user's to mend."""


@dataclass(frozen=True)
class Task:
    """One unit of work of one stage; plain data, so that it travels to any process."""

    stage: str
    unit: str
    """A part's name, `range-NNN`, or `run`."""
    out: str
    """The output folder."""
    receipts: tuple[str, ...]
    """The receipts (relative paths) that say this task is done."""
    args: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> Folder:
        """The output folder; `root / path` is where one of its files can be read."""
        return folder_of(self.out)


def stage_key(stage: str, version: int, *parts: Any) -> str:
    """Return 12 hex digits naming a stage's work: its name, version, parameters and inputs."""
    return digest(json.dumps([stage, version, *parts], sort_keys=True))[:12]


def known(task: Task) -> list[Receipt] | None:
    """Return the task's receipts if it is already done, else None."""
    found = [read_receipt(task.root, path, inputs=task.inputs) for path in task.receipts]
    return [receipt for receipt in found if receipt is not None] if all(found) else None


def finish(
    task: Task,
    outputs: Sequence[Output],
    facts: Mapping[str, Any],
    started: float,
    *,
    receipt: int = 0,
    seconds: float | None = None,
    spent: Mapping[str, float] | None = None,
) -> Receipt:
    """Commit one receipt of a task.

    Parameters
    ----------
    task : Task
        The task that is being done.
    outputs : sequence of Output
        The files that belong to this receipt.
    facts : mapping
        Counts to be kept in the receipt.
    started : float
        `time.perf_counter()` when the work began.
    receipt : int
        Which of the task's receipts.
    seconds : float or None
        What this receipt's share of the work took; None for all since `started`.
    spent : mapping or None
        Seconds by step, where the task works for several.
    """
    draft = Receipt(
        stage=task.stage,
        unit=task.unit,
        files=(),
        facts=dict(facts),
        inputs=dict(task.inputs),
        seconds=round(time.perf_counter() - started if seconds is None else seconds, 4),
        spent=dict(spent or {}),
    )
    return commit(task.root, task.receipts[receipt], draft, outputs)
