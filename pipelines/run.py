"""The main path: measure every part, decide step by step, record, export.

An edit by run splits the steps in two: what stands behind it is measured once it is known what it cuts.

Read `run` from top to bottom; each line is a stage. Everything that is written goes through receipts,
so that a run that is stopped anywhere continues where it was, and a run that is finished says so.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pyarrow.parquet as pq

from datagov import __version__
from datagov.errors import InputError, PartialRun
from datagov.storage import Receipt, put, put_new
from pipelines import outcome
from pipelines.cascade import Cascade, Stages
from pipelines.executors import Executor
from pipelines.manifest import draft_manifest, final_manifest
from pipelines.measuring import measuring_tasks, receipts_of
from pipelines.plan import MARKER, Plan, check_marker, marker_of, run_records
from pipelines.progress import Reporter
from pipelines.session import Session
from pipelines.stage import Task, stage_key

__all__ = ["measure", "require_distinct_ids", "require_good_documents", "run", "warm_kernels"]


def run(
    plan: Plan, executor: Executor, reporter: Reporter, *, share: tuple[int, int] | None = None
) -> dict[str, Any]:
    """Do what the plan says and return the run's manifest.

    Parameters
    ----------
    plan : Plan
    executor : Executor
    reporter : Reporter
    share : (int, int) or None
        (i, n): only measure the i-th of n shares of the parts, counted from 1, for job arrays; the
        manifest then stays unfinished and a later run without `share` does the rest.

    Raises
    ------
    InputError
        Two documents have the same id.
    PartialRun
        A shard could not be read (and the recipe says to stop), or a worker kept dying.
    """
    started = time.perf_counter()
    session = Session(plan, executor, reporter)
    begin(session)
    measured = measure(session, share)
    if share is not None:
        all_readable(session)
        return session.manifest
    while not all_readable(session):
        begin(session)
        measured = measure(session, share)
    documents = [receipts[plan.documents.key] for receipts in measured]
    require_good_documents(session, documents)
    require_distinct_ids(session, documents)
    cascade = Cascade(session, measured)
    for position in range(len(plan.recipe.steps)):
        cascade.step(position)
    resolved = outcome.resolve(cascade)
    decisions = outcome.decide(cascade, resolved)
    outcome.warn_of_removals(cascade, decisions)
    exports = outcome.export(cascade, decisions)
    manifest = final_manifest(session, cascade, resolved, decisions, exports, time.perf_counter() - started)
    if session.before is not None:
        # The record of a finished run says when it was made; repeating it only restores what was lost.
        manifest.update({key: session.before[key] for key in ("started", "finished", "seconds", "stages")})
        session.reporter.say(
            f"{session.run_id} was complete: {session.executed} units of work had to be done again"
        )
    session.save(manifest)
    tell_counts(session)
    return manifest


def begin(session: Session) -> None:
    """Mark the output folder as ours and put an unfinished manifest in it.

    The manifest of a run that is finished stays until the new one takes its place.
    """
    plan = session.plan
    check_marker(plan)  # once more, now that the folder is locked
    # Put in place even where it is there: the input may have moved.
    put(plan.out, MARKER, json.dumps(marker_of(plan), indent=1, sort_keys=True).encode())
    put_new(plan.out, "README.txt", FOLDER_GUIDE.encode())
    while True:
        records = run_records(plan.out)
        session.run_id = plan.run_id(records)
        session.manifest = draft_manifest(session, datetime.now(UTC).isoformat(timespec="seconds"))
        record = records.get(session.run_id)
        session.before = record if record is not None and record["complete"] else None
        # Where folders cannot be locked, another run may take the number in the meantime.
        if record is not None or session.take_number():
            break
    session.turns.clear()
    if record is not None and session.before is None:
        session.save(session.manifest)
    session.reporter.tell(
        "run_started",
        run=session.run_id,
        dataset=plan.recipe.dataset,
        version=__version__,
        executor=session.executor.name,
        workers=session.executor.workers,
        parts=len(plan.parts),
        documents=sum(part.rows for part in plan.parts),
        text_bytes=sum(part.text_bytes for part in plan.parts),
    )


def tell_counts(session: Session) -> None:
    """Tell the observers what came of the run."""
    manifest = session.manifest
    session.reporter.tell(
        "run_finished",
        run=session.run_id,
        seconds=manifest["seconds"],
        removed_by={step["name"]: step["removed"] for step in manifest["steps"]},
        **{name: manifest["counts"][name] for name in ("documents_in", "kept", "removed", "errored")},
    )


def measure(session: Session, share: tuple[int, int] | None) -> list[dict[str, Receipt]]:
    """Make every product of every part, up to the first edit by run or gate; return product key -> receipt, by part.

    Nothing is returned when a shard turned out to be damaged; see `all_readable`.
    """
    plan = session.plan
    chosen = [
        part for index, part in enumerate(plan.parts) if share is None or index % share[1] == share[0] - 1
    ]
    tasks, sizes, reused = measuring_tasks(plan, chosen)
    warm(session, len(tasks) > 1)
    session.stage("measure", tasks, text_bytes=sizes, reused=reused, tolerant=True)
    return [] if session.damaged else [receipts_of(plan, part.name) for part in chosen]


def warm(session: Session, needed: bool) -> None:
    """Compile the kernels once, in this process, so that workers find them in the cache."""
    if needed and session.executor.workers > 1:
        warm_kernels()


def warm_kernels() -> None:
    """Compile the kernels, or load them from their cache, so that work is not timed with it."""
    for module in ("datagov.text.warm", "datagov.signals.warm", "datagov.dedup.warm"):
        _warm_of(module)()


def all_readable(session: Session) -> bool:
    """Return whether the plan holds without the shards that turned out to be unreadable.

    If not, and the recipe says to go on, the session gets a plan without them.

    Raises
    ------
    PartialRun
        A shard cannot be read and the recipe says to stop.
    """
    plan = session.plan
    problems = {**{shard.path: shard.problem for shard in plan.unreadable}, **session.damaged}
    if not problems:
        return True
    lines = "; ".join(f"{path}: {problem.rstrip('.')}" for path, problem in list(problems.items())[:10])
    if plan.recipe.input.unreadable == "stop":
        raise PartialRun(
            f"{len(problems)} shard(s) of {plan.recipe.input.path} cannot be read: {lines}. Parts that hold none of them "
            "are measured, and stay so. Replace the file(s) and run again to resume, or say `unreadable: skip` under "
            "the recipe's input"
        )
    if not session.damaged:
        session.warn(f"{len(problems)} unreadable shard(s) left out: {lines}")
        return True
    session.plan = plan.without(session.damaged)
    session.damaged = {}
    return False


def require_good_documents(session: Stages, documents: Sequence[Receipt]) -> None:
    """Stop where the recipe does not put up with documents that cannot be used.

    Raises
    ------
    InputError
    """
    errored = sum(receipt.facts["errored"] for receipt in documents)
    if not errored or session.plan.recipe.input.bad_documents == "set_aside":
        return
    shown: list[str] = []
    for receipt in documents:
        if receipt.facts["errored"] and len(shown) < 10:
            table = pq.read_table(session.plan.out / receipt.files[1].path).slice(0, 10 - len(shown))
            shown.extend(
                f"{row['shard']}, row {row['shard_row']} (from 0): {row['detail']}"
                for row in table.to_pylist()
            )
    raise InputError(
        f"{errored} document(s) cannot be used: {'; '.join(shown)}. What was measured is kept. Mend the documents and "
        "run again, or leave `bad_documents: stop` out of the recipe's input to have them set aside"
    )


def require_distinct_ids(session: Stages, documents: Sequence[Receipt]) -> None:
    """Stop before any decision when two documents have the same id.

    Raises
    ------
    InputError
    """
    files = [receipt.files[0].path for receipt in documents]
    key = stage_key("identify", 1, [receipt.digest for receipt in documents])
    task = Task(
        "identify", "run", str(session.plan.out), (f"receipts/identify-{key}/run.json",), {"documents": files}
    )
    facts = session.stage("identify", [task])[0][0].facts
    if facts["repeated"]:
        shown = "; ".join(
            f"{item['id'] or item['doc_id']} at {' and '.join(item['places'])}" for item in facts["examples"]
        )
        column = session.plan.recipe.input.id
        named = "the ids" if column is None else f"column {column!r}"
        raise InputError(
            f"{facts['repeated']} document id(s) occur more than once: {shown}. Make {named} unique; or, if it is "
            "input.id, leave `id` out of the recipe to name documents by shard and row, and if it is a doc_id column "
            "of earlier exports, drop it"
        )


def _warm_of(module: str) -> Callable[[], None]:
    warm_up: Callable[[], None] = import_module(module).warm
    return warm_up


FOLDER_GUIDE = f"""This folder was written by datagov {__version__}.

data/RUN/      the kept documents of a run, shard by shard
ledger/        what was measured and decided, as Parquet tables; ask `datagov audit --ledger .`
runs/          one manifest a run: the recipe, the counts, and exactly which files belong to it
receipts/      which units of work are done, and the digests of their files
work/          files between stages; may be deleted when no run is unfinished
"""
