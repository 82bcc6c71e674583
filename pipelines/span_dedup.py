"""span_dedup: count -> mark, each a stage; then the texts are another state, and what follows is measured on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datagov.storage import Receipt
from pipelines.products import COUNTED
from pipelines.run_edits import repeats_file
from pipelines.sorted_runs import range_bounds
from pipelines.stage import Task, stage_key

if TYPE_CHECKING:
    from pipelines.cascade import Cascade

__all__ = ["span_dedup"]

VERSIONS = {"count": 1, "mark": 1}
"""Bumped when a stage gives other results for the same inputs."""
COUNT_RANGE_ENTRIES = 4_000_000


def span_dedup(cascade: Cascade, position: int) -> None:
    """Find the units that alive documents have in common, and go on with the texts without them."""
    step = cascade.steps[position]
    fates = cascade.screen()
    counted = _count(cascade, step, fates)
    key, marked = _mark(cascade, step, counted)
    cascade.spend(step["name"], [*counted, *marked])
    cascade.settle(position, key)


def _count(cascade: Cascade, step: dict[str, Any], fates: Receipt) -> list[Receipt]:
    product = cascade.plan.by_step[step["position"]].products[0]
    runs = cascade.runs(product, "span_keys")
    entries = sum(run["offsets"][-1] for run in runs)
    options = {name: step["resolved"][name] for name in COUNTED}
    # A document's place decides what is first.
    places = [[run["part"], run["ordinal"]] for run in runs]
    key = stage_key(
        "count", VERSIONS["count"], cascade.product_digests(product), fates.digest, options, places
    )
    tasks = [
        Task(
            stage="count",
            unit=f"range-{bounds[0]:03d}",
            out=str(cascade.plan.out),
            receipts=(f"receipts/count-{key}/range-{bounds[0]:03d}.json",),
            args={
                "runs": runs,
                "bounds": bounds,
                "fates": fates.files[0].path,
                **options,
                "file": f"work/count/{key}/range-{bounds[0]:03d}.parquet",
            },
        )
        for bounds in (range_bounds(entries, aim=COUNT_RANGE_ENTRIES) if runs else [])
    ]
    return [receipts[0] for receipts in cascade.session.stage(f"{step['name']}: count", tasks)]


def _mark(cascade: Cascade, step: dict[str, Any], counted: list[Receipt]) -> tuple[str, list[Receipt]]:
    """Bring what was counted to the parts; return the key under which it lies."""
    parts = [
        {"name": part.name, "ordinal": cascade.offsets[index]} for index, part in enumerate(cascade.parts)
    ]
    key = stage_key("mark", VERSIONS["mark"], [receipt.digest for receipt in counted], parts)
    tasks = [
        Task(
            stage="mark",
            unit=part.name,
            out=str(cascade.plan.out),
            receipts=(f"receipts/mark-{key}/{part.name}.json",),
            args={
                "rows": cascade.rows[index],
                "offset": cascade.offsets[index],
                "parts": parts,
                "documents": cascade.plan.documents.file(part.name),
                "counted": [receipt.files[0].path for receipt in counted],
                "file": repeats_file(key, part.name),
            },
        )
        for index, part in enumerate(cascade.parts)
    ]
    return key, [receipts[0] for receipts in cascade.session.stage(f"{step['name']}: mark", tasks)]
