"""The cascade: one step after the other decides over the survivors of the one before."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datagov.storage import Receipt
from pipelines.filters import filter_groups
from pipelines.guards import removal_alarms
from pipelines.near import near_dedup
from pipelines.products import Product
from pipelines.sorted_runs import range_bounds
from pipelines.stage import Task, stage_key

if TYPE_CHECKING:
    from pipelines.run import Session

__all__ = ["Cascade"]

VERSIONS = {"screen": 1, "collect": 1, "exact": 1, "resolve": 1, "decide": 1, "export": 1}
"""Bumped when a stage gives other results for the same inputs."""

EXACT_RANGE_ENTRIES = 2_000_000


class Cascade:
    """Carries the fates of all documents through the steps.

    Filter steps only wait in `_pending`; a dedup step, which looks across documents, first has them
    evaluated part by part.
    """

    def __init__(self, session: Session, measured: Sequence[Mapping[str, Receipt]]) -> None:
        self.session = session
        self.plan = session.plan
        self.measured = measured
        self.parts = self.plan.parts
        self.rows = [receipts[self.plan.documents.key].facts["rows"] for receipts in measured]
        self.offsets = [sum(self.rows[:index]) for index in range(len(self.rows))]
        self.steps = [self._describe(position) for position in range(len(self.plan.recipe.steps))]
        self.by_dedup: dict[int, dict[str, list[str]]] = {}
        """Position of a dedup step -> its tables: removals, and for near_dedup pairs, buckets, templates, spent."""
        self.seconds: dict[int, float] = {}
        self._pending: list[int] = []
        self._fates: list[str] | None = None
        self._digests: list[str] = [receipts[self.plan.documents.key].digest for receipts in measured]
        self.collected: Receipt | None = None

    def step(self, position: int) -> None:
        """Take one step."""
        started = time.perf_counter()
        kind = self.steps[position]["kind"]
        if kind == "filter":
            self._pending.append(position)
        elif kind == "exact_dedup":
            self.screen()
            self._exact(position)
            self._pending.append(position)
        elif kind == "near_dedup":
            self.screen()
            near_dedup(self, position)
            self._pending.append(position)
        self.seconds[position] = time.perf_counter() - started

    def decide(self) -> list[Receipt]:
        """Evaluate what is left, resolve chains of keepers, and write the decisions of every part."""
        fates = self.screen()
        plan, session = self.plan, self.session
        removing = [
            path
            for position, tables in self.by_dedup.items()
            if not self.steps[position]["annotate"]
            for path in tables["removals"]
        ]
        key = stage_key("resolve", VERSIONS["resolve"], fates.digest, removing)
        links = f"work/links/{key}.parquet"
        resolve = Task(
            stage="resolve",
            unit="run",
            out=str(plan.out),
            receipts=(f"receipts/resolve-{key}/run.json",),
            args={"removals": removing, "fates": fates.files[0].path, "file": links},
        )
        self.resolved = session.stage("resolve", [resolve])[0][0]
        steps = [self._for_part(position) for position in self._deciding()]
        key = stage_key(
            "decide",
            VERSIONS["decide"],
            fates.digest,
            self.resolved.digest,
            self._digests,
            self._recipe_steps(),
        )
        documents = plan.documents
        tasks = [
            Task(
                stage="decide",
                unit=part.name,
                out=str(plan.out),
                receipts=(f"receipts/decide-{key}/{part.name}.json",),
                args={
                    "rows": self.rows[index],
                    "offset": self.offsets[index],
                    "documents": documents.file(part.name),
                    "errors": documents.file(part.name, "errors"),
                    "fates": self._part_fates[index],
                    "steps": [make(part.name) for make in steps],
                    "links": links,
                    "file": f"ledger/decisions/{key}/{part.name}.parquet",
                },
            )
            for index, part in enumerate(self.parts)
        ]
        return [receipts[0] for receipts in session.stage("decide", tasks)]

    def warn_of_removals(self, decisions: Sequence[Receipt]) -> None:
        """Warn of every source of which a near_dedup step removed more than its alarm."""
        for step in self.steps:
            if step["kind"] != "near_dedup" or step["annotate"]:
                continue
            alarms = removal_alarms(
                self.plan.out,
                [receipts[self.plan.documents.key].files[0].path for receipts in self.measured],
                [receipt.files[0].path for receipt in decisions],
                step=step["name"],
                later=[other["name"] for other in self.steps[step["position"] + 1 :]],
                limit=step["resolved"]["alarm"],
            )
            for alarm in alarms:
                self.session.warn(alarm)

    def export(self, decisions: Sequence[Receipt]) -> list[Receipt]:
        """Write the kept documents of every part."""
        plan = self.plan
        edits = self._last_edits()
        folder = f"data/{self.session.run_id}"
        tasks = []
        for index, part in enumerate(self.parts):
            key = stage_key("export", VERSIONS["export"], decisions[index].digest, list(edits), folder)
            tasks.append(
                Task(
                    stage="export",
                    unit=part.name,
                    out=str(plan.out),
                    receipts=(f"receipts/export-{key}/{part.name}.json",),
                    args={
                        "source": plan.source,
                        "slices": part.slices,
                        "edits": edits,
                        "decisions": decisions[index].files[0].path,
                        "folder": folder,
                    },
                    inputs={"modified": [list(item) for item in part.modified]},
                )
            )
        sizes = [part.text_bytes for part in self.parts]
        return [receipts[0] for receipts in self.session.stage("export", tasks, text_bytes=sizes)]

    def screen(self) -> Receipt:
        """Bring the fates up to date with the steps taken so far; return the collected fates."""
        if self.collected is not None and not self._pending:
            return self.collected
        pending = list(self._pending)
        key = stage_key(
            "screen",
            VERSIONS["screen"],
            self.collected.digest if self.collected is not None else self._digests,
            [self._evidence(position) for position in pending],
        )
        steps = [self._for_part(position) for position in pending]
        tasks = [
            Task(
                stage="screen",
                unit=part.name,
                out=str(self.plan.out),
                receipts=(f"receipts/screen-{key}/{part.name}.json",),
                args={
                    "rows": self.rows[index],
                    "offset": self.offsets[index],
                    "documents": self.plan.documents.file(part.name),
                    "fates": self._fates[index] if self._fates is not None else None,
                    "steps": [make(part.name) for make in steps],
                    "file": f"work/fates/{key}/{part.name}.parquet",
                },
            )
            for index, part in enumerate(self.parts)
        ]
        done = [receipts[0] for receipts in self.session.stage("screen", tasks)]
        self._fates = [receipt.files[0].path for receipt in done]
        collect = Task(
            stage="collect",
            unit="run",
            out=str(self.plan.out),
            receipts=(f"receipts/collect-{key}/run.json",),
            args={"fates": self._fates, "file": f"work/fates/{key}/all.npy"},
        )
        self.collected = self.session.stage("collect", [collect])[0][0]
        self._pending = []
        return self.collected

    def runs(self, product: Product, table: str) -> list[dict[str, Any]]:
        """Return the sorted runs of a product that have entries, as match and exact read them."""
        found = []
        for index, part in enumerate(self.parts):
            facts = self.measured[index][product.key].facts
            if facts["entries"]:
                found.append(
                    {
                        "part": part.name,
                        "file": product.file(part.name, table),
                        "offsets": facts["offsets"],
                        "ordinal": self.offsets[index],
                        "rows": self.rows[index],
                        "signatures": product.file(part.name, "signatures"),
                    }
                )
        return found

    def product_digests(self, product: Product) -> list[str]:
        """Return the contents of a product in every part, as digests."""
        return [receipts[product.key].digest for receipts in self.measured]

    def _exact(self, position: int) -> None:
        step = self.steps[position]
        (product,) = self.plan.by_step[position].products
        runs = self.runs(product, "keys")
        entries = sum(run["offsets"][-1] for run in runs)
        fates = self.screen()
        keep = step["resolved"]["keep"]
        key = stage_key("exact", VERSIONS["exact"], self.product_digests(product), fates.digest, keep)
        tasks = [
            Task(
                stage="exact",
                unit=f"range-{bounds[0]:03d}",
                out=str(self.plan.out),
                receipts=(f"receipts/exact-{key}/range-{bounds[0]:03d}.json",),
                args={
                    "runs": runs,
                    "bounds": bounds,
                    "fates": fates.files[0].path,
                    "keep": keep,
                    "file": f"work/exact/{key}/range-{bounds[0]:03d}.parquet",
                },
            )
            for bounds in (range_bounds(entries, aim=EXACT_RANGE_ENTRIES) if runs else [])
        ]
        done = [receipts[0] for receipts in self.session.stage(f"{step['name']}: exact", tasks)]
        self.by_dedup[position] = {"removals": [file.path for receipt in done for file in receipt.files]}

    def _describe(self, position: int) -> dict[str, Any]:
        step = self.plan.recipe.steps[position]
        return {
            "position": position,
            "name": step.name,
            "kind": step.kind,
            "resolved": step.resolved,
            "annotate": step.resolved.get("annotate", False),
        }

    def _deciding(self) -> list[int]:
        return [step["position"] for step in self.steps if step["kind"] != "normalise"]

    def _recipe_steps(self) -> list[Any]:
        return [self._evidence(position) for position in self._deciding()]

    def _evidence(self, position: int) -> list[Any]:
        """Return what decides a step's outcome, for keys: its resolved form and the tables it reads."""
        step = self.steps[position]
        if step["kind"] == "filter":
            products = [self.product_digests(product) for product in self.plan.by_step[position].products]
            return [position, step["name"], step["resolved"], products]
        return [position, step["name"], step["resolved"], self.by_dedup[position]]

    def _for_part(self, position: int) -> Any:
        """Return a function from a part's name to the step as stages read it."""
        step = self.steps[position]
        if step["kind"] != "filter":
            tables = self.by_dedup[position]
            dedup = {
                **{name: step[name] for name in ("position", "name", "kind", "annotate")},
                "removals": tables["removals"],
                "spent": tables.get("spent", []),
                "jaccard": step["resolved"].get("verify", {}).get("jaccard"),
            }
            return lambda part: dedup  # noqa: ARG005 - the same for every part
        script, *families = self.plan.by_step[position].products
        group = next(
            (group for group in filter_groups(self._flat_steps()) if position in group),
            [position],
        )

        def described(part: str) -> dict[str, Any]:
            return {
                "position": position,
                "name": step["name"],
                "kind": "filter",
                "resolved": step["resolved"],
                "group": group,
                "script": script.file(part),
                "signals": {product.label: product.file(part) for product in families},
            }

        return described

    def _flat_steps(self) -> list[dict[str, Any]]:
        return [{"kind": step["kind"], "when": step["resolved"].get("when")} for step in self.steps]

    def _last_edits(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(
            {"kind": step["kind"], **step["resolved"]} for step in self.steps if step["kind"] == "normalise"
        )

    @property
    def _part_fates(self) -> list[str]:
        if self._fates is None:
            raise AssertionError("fates are asked for after the first screen")
        return self._fates
