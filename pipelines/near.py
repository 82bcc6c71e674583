"""near_dedup: match -> link -> gather -> elect, each a stage; here they are only put in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datagov.storage import Receipt
from pipelines.guards import percolation_warnings
from pipelines.products import Product
from pipelines.sorted_runs import range_bounds
from pipelines.stage import Task, stage_key

if TYPE_CHECKING:
    from pipelines.cascade import Cascade

__all__ = ["near_dedup"]

VERSIONS = {"match": 1, "link": 1, "gather": 1, "elect": 1}
MATCH_RANGE_ENTRIES = 4_000_000


def near_dedup(cascade: Cascade, position: int) -> None:
    """Find and verify the near-duplicates among the alive documents."""
    step = cascade.steps[position]
    (product,) = cascade.plan.by_step[position].products
    strata = [receipts[product.key].facts["background"] for receipts in cascade.measured]
    shape = {name: step["resolved"][name] for name in ("bands", "rows")}
    for warning in percolation_warnings(step["name"], strata, **shape):
        cascade.session.warn(warning)
    matched = _match(cascade, step, product)
    buckets = [receipt.files[0].path for receipt in matched]
    templates = [receipt.files[1].path for receipt in matched]
    linked = _link(cascade, step, matched, buckets)
    gathered = _gather(cascade, step, product, linked)
    elected = _elect(cascade, step, linked, gathered)
    cascade.spend(step["name"], [*matched, *([linked] if linked is not None else []), *gathered, *elected])
    cascade.by_dedup[position] = {
        "buckets": buckets,
        "templates": templates,
        "pairs": [receipt.files[0].path for receipt in elected],
        "removals": [receipt.files[1].path for receipt in elected],
        "spent": [receipt.files[2].path for receipt in elected],
    }


def _match(cascade: Cascade, step: dict[str, Any], product: Product) -> list[Receipt]:
    runs = cascade.runs(product, "bands")
    entries = sum(run["offsets"][-1] for run in runs)
    cap = step["resolved"]["bucket_cap"]
    parts = [[run["part"], run["ordinal"]] for run in runs]
    key = stage_key("match", VERSIONS["match"], cascade.product_digests(product), parts, cap)
    tasks = [
        Task(
            stage="match",
            unit=f"range-{bounds[0]:03d}",
            out=str(cascade.plan.out),
            receipts=(f"receipts/match-{key}/range-{bounds[0]:03d}.json",),
            args={
                "runs": runs,
                "bounds": bounds,
                "cap": cap,
                "buckets": f"ledger/buckets/{key}/range-{bounds[0]:03d}.parquet",
                "templates": f"ledger/templates/{key}/range-{bounds[0]:03d}.parquet",
            },
        )
        for bounds in (range_bounds(entries, aim=MATCH_RANGE_ENTRIES) if runs else [])
    ]
    return [receipts[0] for receipts in cascade.session.stage(f"{step['name']}: match", tasks)]


def _link(
    cascade: Cascade, step: dict[str, Any], matched: list[Receipt], buckets: list[str]
) -> Receipt | None:
    if not buckets:
        return None
    fates = cascade.screen()
    key = stage_key("link", VERSIONS["link"], [receipt.digest for receipt in matched], fates.digest)
    task = Task(
        stage="link",
        unit="run",
        out=str(cascade.plan.out),
        receipts=(f"receipts/link-{key}/run.json",),
        args={
            "buckets": buckets,
            "parts": [
                {"name": part.name, "ordinal": cascade.offsets[index], "rows": cascade.rows[index]}
                for index, part in enumerate(cascade.parts)
            ],
            "fates": fates.files[0].path,
            "members": f"work/link/{key}/members.parquet",
            "memberships": f"work/link/{key}/memberships.parquet",
        },
    )
    return cascade.session.stage(f"{step['name']}: link", [task])[0][0]


def _gather(
    cascade: Cascade, step: dict[str, Any], product: Product, linked: Receipt | None
) -> list[Receipt]:
    if linked is None:
        return []
    plan = cascade.plan
    keep = step["resolved"]["keep"]
    key = stage_key("gather", VERSIONS["gather"], linked.digest, list(product.edits), keep, product.key)
    tasks, sizes = [], []
    spans = zip(linked.facts["starts"], linked.facts["stops"], strict=True)
    for index, (first, last) in enumerate(spans):
        if first == last:
            continue
        part = cascade.parts[index]
        tasks.append(
            Task(
                stage="gather",
                unit=part.name,
                out=str(plan.out),
                receipts=(f"receipts/gather-{key}/{part.name}.json",),
                args={
                    "source": plan.source,
                    "slices": part.slices,
                    "columns": plan.extra_columns,
                    "edits": product.edits,
                    "keep": keep,
                    "members": (linked.files[0].path, first, last),
                    "ordinal": cascade.offsets[index],
                    "signatures": product.file(part.name, "signatures"),
                    "file": f"work/gather/{key}/{part.name}.parquet",
                },
                inputs={"modified": [list(item) for item in part.modified]},
            )
        )
        sizes.append(part.text_bytes)
    done = cascade.session.stage(f"{step['name']}: gather", tasks, text_bytes=sizes)
    return [receipts[0] for receipts in done]


def _elect(
    cascade: Cascade, step: dict[str, Any], linked: Receipt | None, gathered: list[Receipt]
) -> list[Receipt]:
    if linked is None:
        return []
    resolved = step["resolved"]
    options = {
        "keep": resolved["keep"],
        "shingle": resolved["shingle"],
        "jaccard": resolved["verify"]["jaccard"],
        "tries": resolved["tries"],
    }
    digests = [receipt.digest for receipt in gathered]
    key = stage_key("elect", VERSIONS["elect"], linked.digest, digests, options)
    pieces: dict[int, list[dict[str, Any]]] = {}
    for receipt in gathered:
        for group, number in enumerate(receipt.facts["ranges"]):
            pieces.setdefault(number, []).append({"file": receipt.files[0].path, "group": group})
    tasks = []
    for number in sorted(pieces):
        unit = f"range-{number:06d}"
        tasks.append(
            Task(
                stage="elect",
                unit=unit,
                out=str(cascade.plan.out),
                receipts=(f"receipts/elect-{key}/{unit}.json",),
                args={
                    **options,
                    "range": number,
                    "gathered": pieces[number],
                    "memberships": linked.files[1].path,
                    "pairs": f"ledger/pairs/{key}/{unit}.parquet",
                    "removals": f"work/elect/{key}/{unit}.removals.parquet",
                    "spent": f"work/elect/{key}/{unit}.spent.parquet",
                },
            )
        )
    return [receipts[0] for receipts in cascade.session.stage(f"{step['name']}: elect", tasks)]
