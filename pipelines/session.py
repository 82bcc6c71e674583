"""A run in progress: the plan, who does the work, and what has been seen of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from datagov.errors import DamagedShard, DatagovError, PartialRun
from datagov.storage import Receipt, claim, put
from pipelines.executors import Executor
from pipelines.plan import Plan
from pipelines.progress import Reporter
from pipelines.stage import Task, known

__all__ = ["Session"]


@dataclass
class Session:
    """A run in progress: the plan, who does the work, and what has been seen of it."""

    plan: Plan
    executor: Executor
    reporter: Reporter
    manifest: dict[str, Any] = field(default_factory=dict)
    run_id: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall seconds by stage label."""
    turns: Counter[str] = field(default_factory=Counter)
    """How often a stage of this label has begun, since the run began or began anew without a damaged shard."""
    warnings: list[str] = field(default_factory=list)
    executed: int = 0
    """Units of work done by this process."""
    before: dict[str, Any] | None = None
    """The manifest of the run, if it was complete already."""
    damaged: dict[str, str] = field(default_factory=dict)
    """Shards found to be unreadable while they were read -> the problem."""

    def stage(
        self,
        label: str,
        tasks: Sequence[Task],
        *,
        text_bytes: Sequence[int] | None = None,
        reused: int = 0,
        tolerant: bool = False,
    ) -> list[list[Receipt]]:
        """Do the tasks that are not done, and return the receipts of all, in task order.

        Parameters
        ----------
        label : str
            What progress and the manifest call the stage.
        tasks : sequence of Task
        text_bytes : sequence of int or None
            Text each task reads, for the rate and for starting with the largest.
        reused : int
            Units that were done before and have no task here.
        tolerant : bool
            Note damaged shards in `damaged` and leave their tasks out of the result; for measuring, where
            the run can still do without them.

        Raises
        ------
        PartialRun
            A shard that was readable when it was measured is not any more.
        """
        damaged: dict[str, str] = {}
        results: list[list[Receipt] | None] = [known(task) for task in tasks]
        open_tasks = [index for index, result in enumerate(results) if result is None]
        self.turns[label] += 1
        units = reused + len(tasks)
        report = self.reporter.stage(label, units, units - len(open_tasks), turn=self.turns[label])
        # The largest first: the last worker to finish then waits least. Order has no effect on results.
        if text_bytes is not None:
            open_tasks.sort(key=lambda index: -text_bytes[index])
        try:
            with closing(self.executor.map([tasks[index] for index in open_tasks])) as outcomes:
                for which, outcome in outcomes:
                    index = open_tasks[which]
                    if isinstance(outcome, DamagedShard):
                        damaged[outcome.shard] = outcome.message.removeprefix(f"{outcome.shard}: ")
                        continue
                    if isinstance(outcome, DatagovError):
                        raise outcome
                    results[index] = outcome
                    self.executed += 1
                    report.advance(
                        tasks[index].unit,
                        sum(receipt.seconds for receipt in outcome),
                        text_bytes[index] if text_bytes is not None else 0,
                    )
        finally:
            self.seconds[label] = self.seconds.get(label, 0.0) + report.finish()
        if damaged and not tolerant:
            lines = "; ".join(f"{path}: {problem}" for path, problem in damaged.items())
            raise PartialRun(
                f"{label}: a shard that could be read before cannot be read now: {lines}. What is finished is kept; "
                "put the shard right and run again to resume"
            )
        self.damaged.update(damaged)
        return [result for result in results if result is not None]

    def save(self, manifest: dict[str, Any]) -> None:
        """Put the run's manifest in place."""
        self.manifest = manifest
        put(self.plan.out, self._record, _encoded(manifest))

    def take_number(self) -> bool:
        """Put the manifest in place if no run has this number; return whether none had."""
        return claim(self.plan.out, self._record, _encoded(self.manifest))

    @property
    def _record(self) -> str:
        return f"runs/{self.run_id}.json"

    def warn(self, line: str) -> None:
        """Record a warning and print it."""
        self.warnings.append(line)
        self.reporter.warn(line)


def _encoded(manifest: dict[str, Any]) -> bytes:
    return json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False).encode()
