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


def measuring_tasks(plan: Plan, parts: Sequence[Part]) -> tuple[list[Task], list[int], int]:
    """Return what is left to measure of some parts, by the products that are known so far.

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
    return tasks, sizes, len(parts) - len(tasks)


def receipts_of(plan: Plan, part: str) -> dict[str, Receipt]:
    """Return product key -> receipt of a part that is measured."""
    found = {}
    for product in plan.products:
        receipt = read_receipt(plan.out, product.receipt(part))
        if receipt is None:
            raise PartialRun(f"{part}: product {product.kind} is missing right after it was made; run again")
        found[product.key] = receipt
    return found
