"""Measuring: the tasks that make what is missing of a plan's products, and the receipts of those that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from datagov.errors import PartialRun
from datagov.storage import Receipt, read_receipt
from pipelines.products import AMONG
from pipelines.stage import Task

if TYPE_CHECKING:
    from pipelines.parts import Part
    from pipelines.plan import Plan

__all__ = ["measuring_tasks", "receipts_of"]


def measuring_tasks(
    plan: Plan, parts: Sequence[Part], among: Mapping[str, Mapping[str, str]] = MappingProxyType({})
) -> tuple[list[Task], list[int], int]:
    """Return what is left to measure of some parts, by the products that are known so far.

    Parameters
    ----------
    plan : Plan
    parts : sequence of Part
    among : mapping
        Digest of the fates at a gate -> part -> the file of its fates there, for products of survivors.

    Returns
    -------
    list of Task
        For each part that lacks products one, or as many as there are gates behind which it lacks some.
    list of int
        The text each of them reads, in bytes.
    int
        How many parts lack none.
    """
    tasks, sizes, complete = [], [], 0
    for part in parts:
        missing = plan.missing(part)
        complete += not missing
        for survivors in dict.fromkeys(product.params.get(AMONG) for product in missing):
            products = [product for product in missing if product.params.get(AMONG) == survivors]
            tasks.append(
                Task(
                    stage="measure",
                    unit=part.name,
                    out=str(plan.out),
                    receipts=tuple(product.receipt(part.name) for product in products),
                    args={
                        "source": plan.source,
                        "slices": part.slices,
                        "products": products,
                        "columns": plan.extra_columns,
                        "fates": None if survivors is None else among[survivors][part.name],
                    },
                    inputs={"modified": [list(item) for item in part.modified]},
                )
            )
            sizes.append(part.text_bytes)
    return tasks, sizes, complete


def receipts_of(plan: Plan, part: str) -> dict[str, Receipt]:
    """Return product key -> receipt of a part that is measured."""
    found = {}
    for product in plan.products:
        receipt = read_receipt(plan.out, product.receipt(part))
        if receipt is None:
            raise PartialRun(f"{part}: product {product.kind} is missing right after it was made; run again")
        found[product.key] = receipt
    return found
