"""Filters with quantile bounds: before they decide, their limits are found out over all parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datagov.policy import bound_from
from datagov.storage import Receipt
from pipelines.stage import Task, stage_key

if TYPE_CHECKING:
    from pipelines.cascade import Cascade

__all__ = ["settle_limits"]

VERSIONS = {"tally": 1, "settle": 1}
"""Bumped when a stage gives other results for the same inputs."""


def settle_limits(cascade: Cascade, position: int) -> Receipt | None:
    """Take the quantiles of a filter's bounds over the documents that reach it; None where it has none.

    The receipt's one file is a table of `datagov.ledger.tables.LIMITS`.
    """
    step = cascade.steps[position]
    bounds = [bound for bound in step["resolved"]["bounds"] if bound_from(bound).quantiles]
    if not bounds:
        return None
    fates = cascade.screen()
    describe = cascade.described(position)
    # What decides whom the step sees, and of what the quantiles are; other bounds of the step do not.
    seen = [step["resolved"]["when"], bounds]
    products = [cascade.product_digests(product) for product in cascade.plan.by_step[position].products]
    key = stage_key("tally", VERSIONS["tally"], fates.digest, cascade.document_digests(), seen, products)
    tasks = [
        Task(
            stage="tally",
            unit=part.name,
            out=str(cascade.plan.out),
            receipts=(f"receipts/tally-{key}/{part.name}.json",),
            args={
                "fates": cascade.part_fates[index],
                "step": describe(part.name),
                "file": f"work/tally/{key}/{part.name}.parquet",
            },
        )
        for index, part in enumerate(cascade.parts)
    ]
    tallies = [receipts[0] for receipts in cascade.session.stage(f"{step['name']}: tally", tasks)]
    key = stage_key("settle", VERSIONS["settle"], [receipt.digest for receipt in tallies], bounds)
    task = Task(
        stage="settle",
        unit="run",
        out=str(cascade.plan.out),
        receipts=(f"receipts/settle-{key}/run.json",),
        args={
            "bounds": bounds,
            "tallies": [receipt.files[0].path for receipt in tallies],
            "file": f"ledger/limits/{key}/limits.parquet",
        },
    )
    limits = cascade.session.stage(f"{step['name']}: settle", [task])[0][0]
    cascade.spend(step["name"], [*tallies, limits])
    return limits
