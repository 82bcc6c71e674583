"""span_dedup: count -> mark, each a stage; then the texts are another state, and what follows is measured on it.

Of substrings, sift -> excerpt -> compare do what count does for units whose ends are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datagov.storage import Receipt
from pipelines.products import COUNTED
from pipelines.run_edits import repeats_file
from pipelines.sorted_runs import range_bounds
from pipelines.stage import Task, stage_key

if TYPE_CHECKING:
    from pipelines.cascade import Cascade

__all__ = ["span_dedup"]

VERSIONS = {"count": 1, "sift": 1, "excerpt": 1, "compare": 1, "mark": 1}
"""Bumped when a stage gives other results for the same inputs."""
RANGE_ENTRIES = {"count": 4_000_000, "sift": 4_000_000, "compare": 200_000}
"""What a range aims at: keys, and excerpts of about a kilobyte."""


def span_dedup(cascade: Cascade, position: int) -> None:
    """Find what alive documents have in common, and go on with the texts without it."""
    step = cascade.steps[position]
    fates = cascade.screen()
    find = _substrings if step["resolved"]["unit"] == "substring" else _units
    worked = find(cascade, step, fates)
    key, marked = _mark(cascade, step, worked[-1])
    for receipts in (*worked, marked):
        cascade.spend(step["name"], receipts)
    cascade.settle(position, key)


def _units(cascade: Cascade, step: Mapping[str, Any], fates: Receipt) -> list[list[Receipt]]:
    return [_of_keys(cascade, step, fates, "count", {name: step["resolved"][name] for name in COUNTED})]


def _substrings(cascade: Cascade, step: Mapping[str, Any], fates: Receipt) -> list[list[Receipt]]:
    resolved = step["resolved"]
    options = {name: resolved[name] for name in ("min_count", "bucket_documents")}
    sifted = _of_keys(cascade, step, fates, "sift", options)
    excerpts = _excerpt(cascade, step, sifted)
    found = [
        {"file": receipt.files[0].path, "offsets": receipt.facts["offsets"]}
        for receipt in excerpts
        if receipt.facts["entries"]
    ]
    options |= {name: resolved[name] for name in ("keep", "length")}
    made_of = [[receipt.digest for receipt in excerpts], options]
    return [sifted, excerpts, _by_range(cascade, step, "compare", made_of, found, options)]


def _of_keys(
    cascade: Cascade, step: Mapping[str, Any], fates: Receipt, stage: str, options: Mapping[str, Any]
) -> list[Receipt]:
    """Do a stage over the keys of all parts, of alive documents."""
    product = cascade.plan.by_step[step["position"]].products[0]
    runs = cascade.runs(product, "span_keys")
    # A document's place decides what is first.
    places = [[run["part"], run["ordinal"]] for run in runs]
    made_of = [cascade.product_digests(product), fates.digest, options, places]
    return _by_range(cascade, step, stage, made_of, runs, {"fates": fates.files[0].path, **options})


def _by_range(
    cascade: Cascade,
    step: Mapping[str, Any],
    stage: str,
    made_of: Sequence[Any],
    runs: Sequence[Mapping[str, Any]],
    args: Mapping[str, Any],
) -> list[Receipt]:
    """Do a stage that takes sorted runs by range of keys and writes one file."""
    key = stage_key(stage, VERSIONS[stage], *made_of)
    entries = sum(run["offsets"][-1] for run in runs)
    tasks = [
        Task(
            stage=stage,
            unit=f"range-{bounds[0]:03d}",
            out=str(cascade.plan.out),
            receipts=(f"receipts/{stage}-{key}/range-{bounds[0]:03d}.json",),
            args={
                "runs": runs,
                "bounds": bounds,
                **args,
                "file": f"work/{stage}/{key}/range-{bounds[0]:03d}.parquet",
            },
        )
        for bounds in (range_bounds(entries, aim=RANGE_ENTRIES[stage]) if runs else [])
    ]
    return [receipts[0] for receipts in cascade.session.stage(f"{step['name']}: {stage}", tasks)]


def _excerpt(cascade: Cascade, step: Mapping[str, Any], sifted: list[Receipt]) -> list[Receipt]:
    """Read the text around the anchors that stand in several places, by part."""
    plan = cascade.plan
    product = plan.by_step[step["position"]].products[0]
    digests = [receipt.digest for receipt in sifted]
    key = stage_key("excerpt", VERSIONS["excerpt"], digests, list(product.edits), product.key)
    tasks = [
        Task(
            stage="excerpt",
            unit=part.name,
            out=str(plan.out),
            receipts=(f"receipts/excerpt-{key}/{part.name}.json",),
            args={
                "source": plan.source,
                "slices": part.slices,
                "edits": product.edits,
                "rows": cascade.rows[index],
                "offset": cascade.offsets[index],
                "sifted": [receipt.files[0].path for receipt in sifted],
                "file": f"work/excerpt/{key}/{part.name}.parquet",
            },
            inputs={"modified": [list(item) for item in part.modified]},
        )
        for index, part in enumerate(cascade.parts)
    ]
    sizes = [part.text_bytes for part in cascade.parts]
    done = cascade.session.stage(f"{step['name']}: excerpt", tasks, text_bytes=sizes)
    return [receipts[0] for receipts in done]


def _mark(cascade: Cascade, step: Mapping[str, Any], found: Sequence[Receipt]) -> tuple[str, list[Receipt]]:
    """Bring what was found to the parts; return the key under which it lies."""
    parts = [
        {"name": part.name, "ordinal": cascade.offsets[index]} for index, part in enumerate(cascade.parts)
    ]
    characters = step["resolved"]["unit"] == "substring"
    key = stage_key("mark", VERSIONS["mark"], [receipt.digest for receipt in found], parts, characters)
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
                "counted": [receipt.files[0].path for receipt in found],
                "characters": characters,
                "file": repeats_file(key, part.name),
            },
        )
        for index, part in enumerate(cascade.parts)
    ]
    return key, [receipts[0] for receipts in cascade.session.stage(f"{step['name']}: mark", tasks)]
