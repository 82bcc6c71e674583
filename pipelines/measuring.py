"""Measuring: the tasks that make what is missing of a plan's products, and the receipts of those that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from datagov.errors import PartialRun
from datagov.storage import Receipt, read_receipt
from pipelines.stage import Task

if TYPE_CHECKING:
    from pipelines.parts import Part
    from pipelines.plan import Plan

__all__ = ["measuring_tasks", "receipts_of"]


def measuring_tasks(plan: Plan, parts: Sequence[Part]) -> tuple[list[Task], list[int]]:
    """Return a task for each of some parts that lacks a product that is known so far, and the text it reads, in bytes."""
    tasks, sizes = [], []
    for part in parts:
        missing = plan.missing(part)
        if not missing:
            continue
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
                },
                inputs={"modified": [list(item) for item in part.modified]},
            )
        )
        sizes.append(part.text_bytes)
    return tasks, sizes


def receipts_of(plan: Plan, part: str) -> dict[str, Receipt]:
    """Return product key -> receipt of a part that is measured."""
    found = {}
    for product in plan.products:
        receipt = read_receipt(plan.out, product.receipt(part))
        if receipt is None:
            raise PartialRun(f"{part}: product {product.kind} is missing right after it was made; run again")
        found[product.key] = receipt
    return found
