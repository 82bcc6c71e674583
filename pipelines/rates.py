"""What a recipe takes, measured: one part of a corpus, and a few of its documents to tell what comes whatever their number."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datagov.storage import Receipt, folder_of
from pipelines.parts import PART_BYTES, PART_ROWS, Part
from pipelines.plan import Plan
from pipelines.products import products_of
from pipelines.progress import Reporter
from pipelines.run import run, warm_kernels
from pipelines.stage import Outcome, Task
from pipelines.stages import STAGES, execute

__all__ = ["FULL", "SERIAL", "Rates", "fixed_seconds", "measure_rates", "peak_bytes", "shares"]

SERIAL = ("identify", "collect", "link", "resolve", "settle")
"""Stages done by run: one task, whatever the size of the cluster."""
SHUFFLED = ("ledger/keys", "ledger/span_keys", "ledger/bands", "work/excerpt", "work/gather")
"""Written by part and read by range: what travels between nodes."""
FULL = 0.5
"""How full a part must be for its rates to be those of a large corpus, whose parts are at least so full."""
FEW = 1 / 16
"""Share of the part's documents that is run as well, for what does not grow with them."""
FEW_DOCUMENTS = 16
"""How many these are at least, as far as half the part goes."""
STATUS = Path("/proc/self/status")
TIMES = 3
"""How often a short task is timed; the quickest counts."""


@dataclass(frozen=True)
class Rates:
    """What one part took."""

    text: str
    """Where the text came from: `input` or `made`."""
    documents: int
    text_bytes: int
    seconds: Mapping[str, float]
    """Worker seconds by stage."""
    fixed: Mapping[str, float]
    """Those among them that fewer documents take as well: opening and committing files, above all."""
    shuffled_bytes: int
    written_bytes: int
    removed: int
    memberships: int
    """Rows of `buckets`: a document in a bucket of two or more."""
    worker_bytes: int
    """Peak memory of the process that did it."""

    @property
    def full(self) -> bool:
        """Whether so much was measured as the parts of a large corpus hold."""
        return shares(self.documents, self.text_bytes) >= FULL


def shares(documents: float, text_bytes: float) -> float:
    """Return how many parts' worth of documents this is, by text or by number, whichever is more."""
    return max(text_bytes / PART_BYTES, documents / PART_ROWS)


def measure_rates(plan: Plan, *, text: str) -> Rates:
    """Run one part of the plan with one worker, and before it a few of the part's documents.

    Parameters
    ----------
    plan : Plan
        Its output is a scratch folder on this machine.
    text : str
        What to call the text in the answer.
    """
    chosen = typical(plan.parts)
    warm_kernels()
    whole = replace(plan, parts=(chosen,), unreadable=())
    few = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        fewer = run_quietly(sampled(whole, folder), few)["counts"]["documents_in"]
        of_few = few.seconds(again=STAGES)
    done = Stopwatch()
    counts = run_quietly(whole, done)["counts"]
    seconds = done.seconds(again=SERIAL)
    files = [file for receipt in done.receipts for file in receipt.files]
    return Rates(
        text=text,
        documents=counts["documents_in"],
        text_bytes=counts["bytes_in"],
        seconds=seconds,
        fixed=fixed_seconds(seconds, of_few, fewer / counts["documents_in"]) if fewer else {},
        shuffled_bytes=sum(file.bytes for file in files if file.path.startswith(SHUFFLED)),
        written_bytes=sum(file.bytes for file in files),
        removed=counts["removed"],
        memberships=sum(file.rows for file in files if file.path.startswith("ledger/buckets")),
        worker_bytes=peak_bytes(),
    )


def fixed_seconds(whole: Mapping[str, float], few: Mapping[str, float], share: float) -> dict[str, float]:
    """Return what a stage takes without documents: where the line through two sizes meets none.

    Parameters
    ----------
    whole, few : mapping of str to float
        Seconds by stage, of all documents and of a share of them.
    share : float
        In (0, 1]; at 1 there is no line, and all is taken to grow with the documents.

    Returns
    -------
    dict
        Stage -> seconds, from 0 to those of the whole.
    """
    if share == 1:
        return {}
    return {
        stage: min(max(0.0, (few.get(stage, 0.0) - share * spent) / (1 - share)), spent)
        for stage, spent in whole.items()
    }


def typical(parts: Sequence[Part]) -> Part:
    """Return the middle one of the parts that are full enough; the largest, if none is."""
    full = [part for part in parts if shares(part.rows, part.text_bytes) >= FULL]
    return full[len(full) // 2] if full else max(parts, key=lambda part: part.text_bytes)


def sampled(plan: Plan, folder: str) -> Plan:
    """Return the plan for a few of its documents, written to another folder."""
    rows = max(1, sum(part.rows for part in plan.parts))
    share = min(0.5, max(FEW, FEW_DOCUMENTS / rows))
    documents, by_step = products_of(plan.recipe, sample=share)
    return replace(
        plan,
        out=folder_of(str(Path(folder, "few"))),
        sample=share,
        source=replace(plan.source, sample=share),
        documents=documents,
        by_step=tuple(by_step),
    )


def run_quietly(plan: Plan, executor: Stopwatch) -> dict[str, Any]:
    """Run a plan and return its manifest; what it warns of is not of the corpus to be."""
    with Reporter(silent=True) as reporter:
        return run(plan, executor, reporter)


class Stopwatch:
    """An executor of one worker, this process, which keeps its tasks with the time they took."""

    name = "local"
    workers = 1

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self._timed: list[tuple[Task, float]] = []

    def map(self, tasks: Sequence[Task]) -> Generator[tuple[int, Outcome], None, None]:
        """Yield (index of the task, its outcome)."""
        for index, task in enumerate(tasks):
            began = time.perf_counter()
            outcome = execute(task)
            self._timed.append((task, time.perf_counter() - began))
            if isinstance(outcome, list):
                self.receipts.extend(outcome)
            yield index, outcome

    def close(self) -> None:
        """Do nothing: there is no pool."""

    def seconds(self, *, again: Collection[str]) -> dict[str, float]:
        """Return the seconds by stage; tasks of the stages `again` are done again, and the quickest time counts."""
        found: dict[str, float] = {}
        for task, first in self._timed:
            spent = first
            for turn in range(1, TIMES if task.stage in again else 1):
                # Under other receipts, or it would be done already.
                receipts = tuple(f"receipts/again-{turn}/{path}" for path in task.receipts)
                began = time.perf_counter()
                execute(replace(task, receipts=receipts))
                spent = min(spent, time.perf_counter() - began)
            found[task.stage] = found.get(task.stage, 0.0) + spent
        return found


def peak_bytes() -> int:
    """Return the most memory that this process has held: of its own, where the kernel tells it.

    `ru_maxrss`, asked elsewhere, begins with what the process that started this one held at that moment.
    """
    for line in STATUS.read_text().splitlines() if STATUS.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
