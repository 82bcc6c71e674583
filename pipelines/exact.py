"""exact_dedup: documents with one key, each range of keys a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.sorted_runs import range_bounds
from pipelines.stage import Task, stage_key

if TYPE_CHECKING:
    from pipelines.cascade import Cascade

__all__ = ["exact_dedup"]

VERSIONS = {"exact": 1}
"""Bumped when the stage gives other results for the same inputs."""
RANGE_ENTRIES = 2_000_000
"""Keys that a range aims at."""


def exact_dedup(cascade: Cascade, position: int) -> None:
    """Find whom an exact_dedup step removes, by range of keys."""
    step = cascade.steps[position]
    (product,) = cascade.plan.by_step[position].products
    runs = cascade.runs(product, "keys")
    entries = sum(run["offsets"][-1] for run in runs)
    fates = cascade.screen()
    keep = step["resolved"]["keep"]
    key = stage_key("exact", VERSIONS["exact"], cascade.product_digests(product), fates.digest, keep)
    tasks = [
        Task(
            stage="exact",
            unit=f"range-{bounds[0]:03d}",
            out=str(cascade.plan.out),
            receipts=(f"receipts/exact-{key}/range-{bounds[0]:03d}.json",),
            args={
                "runs": runs,
                "bounds": bounds,
                "fates": fates.files[0].path,
                "keep": keep,
                "file": f"work/exact/{key}/range-{bounds[0]:03d}.parquet",
            },
        )
        for bounds in (range_bounds(entries, aim=RANGE_ENTRIES) if runs else [])
    ]
    done = [receipts[0] for receipts in cascade.session.stage(f"{step['name']}: exact", tasks)]
    cascade.spend(step["name"], done)
    cascade.by_dedup[position] = {"removals": [file.path for receipt in done for file in receipt.files]}
