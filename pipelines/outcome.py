"""The outcome of a cascade: decisions written part by part, alarms raised, kept documents exported."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from xxhash import xxh3_128_hexdigest

from datagov.ledger.tables import ERRORS
from datagov.storage import Receipt, encode_table, put_new
from pipelines.cascade import Cascade
from pipelines.guards import removal_alarms
from pipelines.plan import Plan
from pipelines.stage import Task, stage_key

__all__ = ["decide", "export", "record_unreadable", "resolve", "warn_of_removals"]

VERSIONS = {"resolve": 1, "decide": 5, "export": 2}
"""Bumped when a stage gives other results for the same inputs."""


def resolve(cascade: Cascade) -> Receipt:
    """Follow every duplicate to the document at the end of its chain of keepers."""
    fates = cascade.screen()
    removing = [
        path
        for position, tables in cascade.by_dedup.items()
        if not cascade.steps[position]["annotate"]
        for path in tables["removals"]
    ]
    key = stage_key("resolve", VERSIONS["resolve"], fates.digest, removing)
    task = Task(
        stage="resolve",
        unit="run",
        out=str(cascade.plan.out),
        receipts=(f"receipts/resolve-{key}/run.json",),
        args={"removals": removing, "fates": fates.files[0].path, "file": f"work/links/{key}.parquet"},
    )
    return cascade.session.stage("resolve", [task])[0][0]


def decide(cascade: Cascade, resolved: Receipt) -> list[Receipt]:
    """Write the decisions of every part; return one receipt a part."""
    fates = cascade.screen()
    deciding = cascade.deciding()
    steps = [cascade.described(position) for position in deciding]
    evidence = [cascade.evidence(position) for position in deciding]
    edits = cascade.edit_products()
    made_of = [fates.digest, resolved.digest, cascade.document_digests(), evidence]
    of_edits = [cascade.product_digests(product) for product in edits.values()]
    key = stage_key("decide", VERSIONS["decide"], *made_of, of_edits)
    documents = cascade.plan.documents
    tasks = [
        Task(
            stage="decide",
            unit=part.name,
            out=str(cascade.plan.out),
            receipts=(f"receipts/decide-{key}/{part.name}.json",),
            args={
                "rows": cascade.rows[index],
                "offset": cascade.offsets[index],
                "documents": documents.file(part.name),
                "errors": documents.file(part.name, "errors"),
                "fates": cascade.part_fates[index],
                "steps": [describe(part.name) for describe in steps],
                "edits": {position: product.file(part.name) for position, product in edits.items()},
                "links": resolved.files[0].path,
                "file": f"ledger/decisions/{key}/{part.name}.parquet",
            },
        )
        for index, part in enumerate(cascade.parts)
    ]
    return [receipts[0] for receipts in cascade.session.stage("decide", tasks)]


def warn_of_removals(cascade: Cascade, decisions: Sequence[Receipt]) -> None:
    """Warn of kept documents that no filter speaks of, and of sources of which near_dedup removed too much."""
    uncovered = sum(receipt.facts["uncovered"] for receipt in decisions)
    if uncovered:
        cascade.session.warn(
            f"{uncovered} documents were kept that no filter speaks of (`otherwise: keep`): other scripts, and texts "
            "without a letter, such as empty ones"
        )
    for step in cascade.steps:
        if step["kind"] != "near_dedup" or step["annotate"]:
            continue
        alarms = removal_alarms(
            cascade.plan.out,
            [receipts[cascade.plan.documents.key].files[0].path for receipts in cascade.measured],
            [receipt.files[0].path for receipt in decisions],
            step=step["name"],
            later=[other["name"] for other in cascade.steps[step["position"] + 1 :]],
            limit=step["resolved"]["alarm"],
        )
        for alarm in alarms:
            cascade.session.warn(alarm)


def record_unreadable(plan: Plan) -> list[str]:
    """Write the shards that were left out into an `errors` table of their own; return its files."""
    if not plan.unreadable:
        return []
    rows = [
        {
            "doc_id": None,
            "shard": shard.path,
            "shard_row": None,
            "reason": "unreadable",
            "detail": shard.problem,
        }
        for shard in plan.unreadable
    ]
    table = pa.Table.from_pylist(rows, schema=ERRORS)
    data = encode_table(table)
    path = f"ledger/errors/shards/{xxh3_128_hexdigest(data)[:12]}.parquet"
    put_new(plan.out, path, data)
    return [path]


def export(cascade: Cascade, decisions: Sequence[Receipt]) -> list[Receipt]:
    """Write the kept documents of every part; return one receipt a part."""
    plan = cascade.plan
    edits = cascade.edits()
    folder = f"data/{cascade.session.run_id}"
    tasks = []
    for index, part in enumerate(cascade.parts):
        key = stage_key("export", VERSIONS["export"], decisions[index].digest, list(edits), folder)
        tasks.append(
            Task(
                stage="export",
                unit=part.name,
                out=str(plan.out),
                receipts=(f"receipts/export-{key}/{part.name}.json",),
                args={
                    "source": plan.source,
                    "slices": part.slices,
                    "edits": edits,
                    "decisions": decisions[index].files[0].path,
                    "folder": folder,
                },
                inputs={"modified": [list(item) for item in part.modified]},
            )
        )
    sizes = [part.text_bytes for part in cascade.parts]
    return [receipts[0] for receipts in cascade.session.stage("export", tasks, text_bytes=sizes)]
