"""Measuring: the tasks that make what is missing of a plan's products, and the receipts of those that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from datagov.edits import EDITS
from datagov.errors import PartialRun
from datagov.storage import Receipt, read_receipt
from pipelines.filters import of_survivors
from pipelines.products import AMONG
from pipelines.stage import Task

if TYPE_CHECKING:
    from pipelines.parts import Part
    from pipelines.plan import Plan
    from pipelines.recipe import Step

__all__ = ["measured_together", "measuring_tasks", "receipts_of"]


def measuring_tasks(
    plan: Plan, parts: Sequence[Part], fates: Mapping[str, str] | None = None
) -> tuple[list[Task], list[int], int]:
    """Return what is left to measure of some parts, by the products that are known so far.

    Parameters
    ----------
    plan : Plan
    parts : sequence of Part
    fates : mapping of str to str, or None
        Part -> the file of its fates, where what is missing is to be measured of alive documents only.

    Returns
    -------
    list of Task
        One for each part that lacks a product.
    list of int
        The text each of them reads, in bytes.
    int
        How many parts lack none.
    """
    tasks, sizes = [], []
    for part in parts:
        missing = plan.missing(part)
        if not missing:
            continue
        if fates is None and any(AMONG in product.params for product in missing):
            raise AssertionError("products of survivors are made when it is known who they are")
        tasks.append(
            Task(
                stage="measure",
                unit=part.name,
                out=str(plan.out),
                receipts=tuple(product.receipt(part.name) for product in missing),
                args={
                    "source": plan.source,
                    "slices": part.slices,
                    "products": missing,
                    "columns": plan.extra_columns,
                    "fates": None if fates is None else fates[part.name],
                },
                inputs={"modified": [list(item) for item in part.modified]},
            )
        )
        sizes.append(part.text_bytes)
    return tasks, sizes, len(parts) - len(tasks)


def measured_together(steps: Sequence[Step], position: int) -> list[int]:
    """Return the positions of the filters of survivors that are measured with the first of them, at `position`.

    They are those up to the next step that looks across documents: who reaches the others can only be fewer.
    """
    together = []
    for at, step in enumerate(steps[position:], position):
        if step.kind != "filter" and (step.kind not in EDITS or EDITS[step.kind].by == "run"):
            break
        if step.kind == "filter" and of_survivors(step.resolved):
            together.append(at)
    return together


def receipts_of(plan: Plan, part: str) -> dict[str, Receipt]:
    """Return product key -> receipt of a part that is measured."""
    found = {}
    for product in plan.products:
        receipt = read_receipt(plan.out, product.receipt(part))
        if receipt is None:
            raise PartialRun(f"{part}: product {product.kind} is missing right after it was made; run again")
        found[product.key] = receipt
    return found
