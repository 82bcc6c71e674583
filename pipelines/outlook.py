"""The outlook: what a run of a plan would do and what it would reuse, found out without doing any of it.

It takes the way of a run, stage by stage, for as long as all a stage would do is done already. What stands
behind the first stage with work left depends on what that work gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from datagov.signals.script import SCRIPT_NAMES
from datagov.storage import Receipt, names_in, read_receipt
from pipelines import outcome
from pipelines.cascade import Cascade
from pipelines.coverage import filter_groups
from pipelines.edit_specs import SpanDedup
from pipelines.filter_view import scripts_of
from pipelines.filters import takes_quantiles
from pipelines.gates import gates_of
from pipelines.measuring import receipts_of
from pipelines.plan import Plan, warnings_of
from pipelines.recipe import Recipe
from pipelines.run import require_distinct_ids, require_good_documents
from pipelines.stage import Task, known

__all__ = ["stages_of", "summary"]

DEDUP_STAGES = {
    "exact_dedup": ("exact",),
    "near_dedup": ("match", "link", "gather", "elect"),
    "span_dedup": ("count", "mark"),
}
"""What a dedup step goes through, by its kind."""
SUBSTRING_STAGES = ("sift", "excerpt", "compare", "mark")
"""What a span_dedup step goes through whose unit is the substring."""
QUANTILE_STAGES = ("tally", "settle")
"""What a filter goes through whose limits are quantiles."""


class _WorkAhead(Exception):
    """There is work to do; what comes after it cannot be known."""


@dataclass
class _Onlooker:
    """Looks at each stage instead of doing it."""

    plan: Plan
    run_id: str
    seen: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    """(stage, how often it was met before) -> what is to be done there."""
    warnings: list[str] = field(default_factory=list)

    def stage(
        self,
        label: str,
        tasks: Sequence[Task],
        *,
        text_bytes: Sequence[int] | None = None,
        reused: int = 0,
    ) -> list[list[Receipt]]:
        """Return the receipts of a stage if all of them are there."""
        found = [known(task) for task in tasks]
        to_do = [index for index, receipts in enumerate(found) if receipts is None]
        read = sum(text_bytes[index] for index in to_do) if text_bytes is not None else 0
        self.note(label, reused + len(tasks), len(to_do), read)
        return [receipts for receipts in found if receipts is not None]

    def note(self, label: str, units: int, to_do: int, text_bytes: int) -> None:
        """Write down a stage; stop where it has work to do."""
        met = sum(name == label for name, _ in self.seen)
        state = "runs" if to_do else "reused"
        self.seen[label, met] = {"state": state, "units": units, "to_do": to_do, "text_bytes": text_bytes}
        if to_do:
            raise _WorkAhead

    def warn(self, line: str) -> None:
        """Keep a warning that the run would give."""
        self.warnings.append(line)


def summary(plan: Plan) -> dict[str, Any]:
    """Return what `datagov plan` prints; nothing is written.

    `stages` holds, in order, each stage with the steps it works for and its `state`: reused | runs |
    open. An open one is reused if the stages before it give what they gave before, and runs if not.
    `units`, `to_do` and `text_bytes` (to be read) are None where they depend on stages that run.
    `uncovered` says of each run of filters with `when` that leaves scripts out how many of the measured
    documents none of them speaks of.
    """
    missing = {part.name: plan.missing(part) for part in plan.parts}
    onlooker = _Onlooker(plan, plan.run_id())
    with suppress(_WorkAhead):
        _look(onlooker, [part.text_bytes for part in plan.parts if missing[part.name]])
    return {
        "recipe": plan.recipe.where,
        "recipe_digest": plan.recipe.digest,
        "dataset": plan.recipe.dataset,
        "input": plan.root,
        "output": str(plan.out),
        "run_id": onlooker.run_id,
        "shards": len(plan.shards),
        "unreadable": [{"shard": shard.path, "problem": shard.problem} for shard in plan.unreadable],
        "rows": sum(part.rows for part in plan.parts),
        "passed_over": plan.passed_over,
        "text_bytes": sum(part.text_bytes for part in plan.parts),
        "steps": [{"name": step.name, "kind": step.kind, **step.resolved} for step in plan.recipe.steps],
        "uncovered": _uncovered(onlooker.plan),
        "warnings": [*warnings_of(plan.recipe), *_stops(plan), *onlooker.warnings],
        "parts": [
            {
                "name": part.name,
                "rows": part.rows,
                "text_bytes": part.text_bytes,
                "shards": [piece.path for piece in part.slices],
                "to_measure": [f"{product.kind}:{product.folder}" for product in missing[part.name]],
            }
            for part in plan.parts
        ],
        "parts_reused": sum(not products for products in missing.values()),
        "stages": _stages(plan, onlooker),
    }


def stages_of(recipe: Recipe) -> Iterator[tuple[str, list[str]]]:
    """Yield the stages of a run, in order, with the steps they work for."""
    names = [step.name for step in recipe.steps]
    gates = gates_of(recipe.steps)
    by_run = [at for at, step in enumerate(recipe.steps) if isinstance(step.spec, SpanDedup)]
    # An edit by run has its keys in the reading before it and its spans in the one behind it.
    begin = [-1, *sorted([*gates, *by_run])]
    end = [*(at + (at in by_run) for at in begin[1:]), len(names)]
    measured = {first: names[max(first, 0) : stop] for first, stop in zip(begin, end, strict=True)}
    yield "measure", measured[-1]
    yield "identify", []
    waiting: list[str] = []
    screened = False
    for at, step in enumerate(recipe.steps):
        of_step: tuple[str, ...] = DEDUP_STAGES.get(step.kind, ())
        if isinstance(step.spec, SpanDedup) and step.resolved["unit"] == "substring":
            of_step = SUBSTRING_STAGES
        if step.kind == "filter" and takes_quantiles(step.resolved):
            of_step = QUANTILE_STAGES
        if (of_step or at in gates) and (waiting or not screened):
            yield "screen", waiting
            yield "collect", waiting
            waiting, screened = [], True
        if at in gates:
            yield "measure", measured[at]
        if of_step:
            yield from ((f"{step.name}: {stage}", [step.name]) for stage in of_step)
        if at in by_run:
            yield "measure", measured[at]
        elif step.kind in {"filter", *DEDUP_STAGES}:
            waiting.append(step.name)
    if waiting or not screened:
        yield "screen", waiting
        yield "collect", waiting
    yield from ((stage, []) for stage in ("resolve", "decide", "export"))


def _look(onlooker: _Onlooker, to_measure: Sequence[int]) -> None:
    """Go the way of `run.run`, up to the first stage with work to do."""
    plan = onlooker.plan
    onlooker.note("measure", len(plan.parts), len(to_measure), sum(to_measure))
    if _stops(plan):
        return
    measured = [receipts_of(plan, part.name) for part in plan.parts]
    documents = [receipts[plan.documents.key] for receipts in measured]
    require_good_documents(onlooker, documents)
    require_distinct_ids(onlooker, documents)
    cascade = Cascade(onlooker, measured)
    for position in range(len(plan.recipe.steps)):
        cascade.step(position)
    outcome.export(cascade, outcome.decide(cascade, outcome.resolve(cascade)))


def _stages(plan: Plan, onlooker: _Onlooker) -> list[dict[str, Any]]:
    """Return every stage: as it was seen; between those seen, without use; behind them, open or to be done."""
    nothing = {"state": "reused", "units": 0, "to_do": 0, "text_bytes": 0}
    found: list[dict[str, Any]] = []
    left = len(onlooker.seen)
    for label, steps in stages_of(plan.recipe):
        state = onlooker.seen.get((label, sum(stage["stage"] == label for stage in found)))
        if state is not None:
            left -= 1
        elif left:
            state = nothing
        else:
            kind = label.rpartition(": ")[2]
            # Measuring behind decisions has no receipts of its own name; it follows a collect.
            receipts = f"{'collect' if kind == 'measure' else kind}-"
            before = any(name.startswith(receipts) for name in names_in(plan.out, "receipts"))
            state = {"state": "open" if before else "runs", "units": None, "to_do": None, "text_bytes": None}
        found.append({"stage": label, "steps": steps, **state})
    return found


def _stops(plan: Plan) -> list[str]:
    """Return the warning that the run would end after measuring."""
    if not plan.unreadable or plan.recipe.input.unreadable != "stop":
        return []
    warning = (
        f"{len(plan.unreadable)} shard(s) cannot be read: the run measures the others, then stops. Replace the file(s), "
        "or say `unreadable: skip` under the recipe's input"
    )
    return [warning]


def _uncovered(plan: Plan) -> list[dict[str, Any]]:
    """Return for each run of filters that leaves scripts out: how many documents, among how many measured."""
    steps = [{"kind": step.kind, "when": step.resolved.get("when")} for step in plan.recipe.steps]
    found = []
    for group in filter_groups(steps):
        covered = sorted(
            {name for position in group for name in plan.recipe.steps[position].resolved["when"]}
        )
        if set(covered) == set(SCRIPT_NAMES):
            continue
        known = plan.by_step[group[0]].products[:1]
        documents = left_out = 0
        for script, part in product(known, plan.parts):
            if read_receipt(plan.out, script.receipt(part.name)) is None:
                continue
            names, sound = scripts_of(pq.read_table(plan.out / script.file(part.name), use_threads=False))
            documents += int(np.count_nonzero(sound))
            left_out += int(np.count_nonzero(sound & ~np.isin(names, covered)))
        found.append(
            {
                "steps": [plan.recipe.steps[position].name for position in group],
                "otherwise": plan.recipe.steps[group[-1]].resolved["otherwise"],
                "documents": left_out if documents else None,
                "measured": documents,
            }
        )
    return found
