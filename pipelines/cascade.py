"""The cascade: one step after the other decides over the survivors of the one before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from datagov.edits import EDITS
from datagov.storage import Receipt
from pipelines.coverage import covered_scripts
from pipelines.exact import exact_dedup
from pipelines.gates import gates_of
from pipelines.measuring import measuring_tasks, receipts_of
from pipelines.near import near_dedup
from pipelines.plan import Plan
from pipelines.products import Product, edit_step
from pipelines.quantile_bounds import settle_limits
from pipelines.span_dedup import span_dedup
from pipelines.stage import Task, stage_key

__all__ = ["Cascade", "Stages"]

VERSIONS = {"screen": 1}
"""Bumped when a stage gives other results for the same inputs."""


class Stages(Protocol):
    """Who sees to it that stages are done: a run's session, or somebody who only looks."""

    plan: Plan
    run_id: str

    def stage(
        self,
        label: str,
        tasks: Sequence[Task],
        *,
        text_bytes: Sequence[int] | None = None,
        reused: int = 0,
    ) -> list[list[Receipt]]:
        """Return the receipts of all tasks, in task order; `reused` more units are done and have no task."""

    def warn(self, line: str) -> None:
        """Take a warning."""


def nothing_to_compare(kind: str, resolved: Mapping[str, Any]) -> str:
    """Return the rule named in the reason of a document that a dedup step cannot compare with any other.

    `no_tokens`: the text, as it stands at a near_dedup step, has no token. `empty_text`: at an
    exact_dedup step it has no visible character. `no_value`: the column compared is NULL or empty.
    """
    if kind == "near_dedup":
        return "no_tokens"
    return "empty_text" if resolved["on"] == "text" else "no_value"


class Cascade:
    """Carries the fates of all documents through the steps.

    Filter steps only wait in `_pending`; a dedup step, which looks across documents, first has them
    evaluated part by part. What stands behind an edit by run is measured when that is settled, and what stands behind
    a gate when the steps before it are decided.
    """

    def __init__(self, session: Stages, measured: Sequence[Mapping[str, Receipt]]) -> None:
        self.session = session
        self.plan = session.plan
        self.measured = measured
        self.parts = self.plan.parts
        self.rows = [receipts[self.plan.documents.key].facts["rows"] for receipts in measured]
        self.offsets = [sum(self.rows[:index]) for index in range(len(self.rows))]
        self.steps = [self._describe(position) for position in range(len(self.plan.recipe.steps))]
        self.by_dedup: dict[int, dict[str, list[str]]] = {}
        """Position of a dedup step -> its tables: removals, and for near_dedup pairs, buckets, templates, spent."""
        self.limits: dict[int, Receipt] = {}
        """Position of a filter with quantile bounds -> what they came to."""
        self._spent: dict[str, float] = {}
        """Step -> worker seconds of the stages that worked for it."""
        self._pending: list[int] = []
        self._gates = gates_of(self.plan.recipe.steps)
        self._among: dict[str, dict[str, str]] = {}
        """Digest of the fates at a gate -> part -> the file of its fates there."""
        self._fates: list[str] | None = None
        self.collected: Receipt | None = None

    def step(self, position: int) -> None:
        """Take one step."""
        kind = self.steps[position]["kind"]
        if position in self._gates:
            self._pass_gate(self._gates[position])
        if kind == "filter":
            limits = settle_limits(self, position)
            if limits is not None:
                self.limits[position] = limits
            self._pending.append(position)
        elif kind == "exact_dedup":
            self.screen()
            exact_dedup(self, position)
            self._pending.append(position)
        elif kind == "near_dedup":
            self.screen()
            near_dedup(self, position)
            self._pending.append(position)
        elif kind == "span_dedup":
            span_dedup(self, position)

    def settle(self, position: int, key: str) -> None:
        """Take what was found out for a step into the plan (`Plan.settled`), and measure what is known by that."""
        self.plan = self.session.plan = self.plan.settle(position, key)
        tasks, sizes, reused = measuring_tasks(self.plan, self.parts, self._among)
        self.session.stage("measure", tasks, text_bytes=sizes, reused=reused)
        self.measured = [receipts_of(self.plan, part.name) for part in self.parts]

    def _pass_gate(self, position: int) -> None:
        """Measure what stands behind the gate of a filter, of the documents that the steps so far left."""
        survivors = self.screen().files[0].digest
        self._among[survivors] = dict(zip((part.name for part in self.parts), self.part_fates, strict=True))
        self.settle(position, survivors)

    def screen(self) -> Receipt:
        """Bring the fates up to date with the steps taken so far; return the collected fates."""
        if self.collected is not None and not self._pending:
            return self.collected
        pending = list(self._pending)
        key = stage_key(
            "screen",
            VERSIONS["screen"],
            self.collected.digest if self.collected is not None else self.document_digests(),
            [self.evidence(position) for position in pending],
        )
        steps = [self.described(position) for position in pending]
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
        for receipt in done:
            for name, seconds in receipt.spent.items():
                self._spent[name] = self._spent.get(name, 0.0) + seconds
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

    def document_digests(self) -> list[str]:
        """Return the contents of the documents table in every part, as digests."""
        return self.product_digests(self.plan.documents)

    def spend(self, name: str, receipts: Sequence[Receipt]) -> None:
        """Count the seconds of some receipts for a step."""
        self._spent[name] = self._spent.get(name, 0.0) + sum(receipt.seconds for receipt in receipts)

    def step_seconds(self, position: int) -> float:
        """Return the worker seconds spent on a step: measuring its products, and its stages."""
        products = self.plan.by_step[position].products
        measuring = sum(receipts[product.key].seconds for receipts in self.measured for product in products)
        return measuring + self._spent.get(self.steps[position]["name"], 0.0)

    def product_digests(self, product: Product) -> list[str]:
        """Return the contents of a product in every part, as digests."""
        return [receipts[product.key].digest for receipts in self.measured]

    def _describe(self, position: int) -> dict[str, Any]:
        step = self.plan.recipe.steps[position]
        return {
            "position": position,
            "name": step.name,
            "kind": step.kind,
            "resolved": step.resolved,
            "annotate": step.resolved.get("annotate", False),
        }

    def deciding(self) -> list[int]:
        """Return the positions of the steps that decide something."""
        return [step["position"] for step in self.steps if step["kind"] not in EDITS]

    def evidence(self, position: int) -> list[Any]:
        """Return what decides a step's outcome, for keys: its resolved form and the tables it reads."""
        step = self.steps[position]
        if step["kind"] == "filter":
            products = [self.product_digests(product) for product in self.plan.by_step[position].products]
            limits = [self.limits[position].digest] if position in self.limits else []
            return [position, step["name"], step["resolved"], products, *limits]
        return [position, step["name"], step["resolved"], self.by_dedup[position]]

    def described(self, position: int) -> Callable[[str], dict[str, Any]]:
        """Return a function from a part's name to the step as `screen` and `decide` read it."""
        step = self.steps[position]
        if step["kind"] != "filter":
            tables = self.by_dedup[position]
            (product,) = self.plan.by_step[position].products
            near = step["kind"] == "near_dedup"
            dedup = {
                **{name: step[name] for name in ("position", "name", "kind", "annotate")},
                "removals": tables["removals"],
                "spent": tables.get("spent", []),
                "jaccard": step["resolved"]["verify"]["jaccard"] if near else None,
                "nothing": nothing_to_compare(step["kind"], step["resolved"]),
            }
            compared = "signatures" if near else "keys"
            return lambda part: {**dedup, "compared": product.file(part, compared)}
        limits = self.limits[position].files[0].path if position in self.limits else None
        whens = [{"kind": step["kind"], "when": step["resolved"].get("when")} for step in self.steps]

        def described(part: str) -> dict[str, Any]:
            return {
                "position": position,
                "name": step["name"],
                "kind": "filter",
                "resolved": step["resolved"],
                "covered": covered_scripts(whens, position),
                "limits": limits,
                "documents": self.plan.documents.file(part),
                **self.plan.by_step[position].filter_files(part),
            }

        return described

    def edit_products(self) -> dict[int, Product]:
        """Return position of an edit step -> what it did to each document."""
        return {
            step["position"]: self.plan.by_step[step["position"]].products[-1]
            for step in self.steps
            if step["kind"] in EDITS
        }

    def edits(self) -> tuple[Mapping[str, Any], ...]:
        """Return all edit steps, in order."""
        return tuple(
            edit_step(step["kind"], step["resolved"], self.plan.settled.get(step["position"]))
            for step in self.steps
            if step["kind"] in EDITS
        )

    @property
    def part_fates(self) -> list[str]:
        """The files of the parts' fates, in part order."""
        if self._fates is None:
            raise AssertionError("fates are asked for after the first screen")
        return self._fates
