"""The run's manifest: what was asked, what came of it, and exactly which files belong to the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from datagov import __version__
from datagov.edits import EDITS
from datagov.errors import LedgerError
from datagov.ledger.tables import FORMAT_VERSION
from datagov.storage import Receipt
from pipelines.fates import ALIVE, ERRORED
from pipelines.filters import rules_of
from pipelines.outcome import record_unreadable
from pipelines.parts import output_name
from pipelines.run_edits import repeats_file

if TYPE_CHECKING:
    from pipelines.cascade import Cascade
    from pipelines.products import Product
    from pipelines.session import Session

__all__ = ["draft_manifest", "final_manifest"]


def draft_manifest(session: Session, started: str) -> dict[str, Any]:
    """Return the manifest of a run that has only begun."""
    plan = session.plan
    return {
        "format": FORMAT_VERSION,
        "run_id": session.run_id,
        "dataset": plan.recipe.dataset,
        "complete": False,
        "recipe": plan.recipe.canonical(),
        "recipe_digest": plan.recipe.digest,
        "code_version": __version__,
        "input": {
            "path": plan.source.root,
            "columns": {
                **dict.fromkeys(("text", "id", "source", "url")),
                **plan.recipe.input.columns.named(),
            },
            **plan.source.form.record(),
            "digest": plan.input_digest,
            "sample": plan.sample,
            "passed_over": plan.passed_over,
            "unreadable": [{"shard": shard.path, "problem": shard.problem} for shard in plan.unreadable],
        },
        "products": [product.receipt("*") for product in plan.products],
        "parts": [
            {
                "name": part.name,
                "rows": part.rows,
                "files": [
                    {
                        "path": piece.path,
                        "start": piece.start,
                        "stop": piece.stop,
                        "output": f"data/{session.run_id}/{output_name(piece)}",
                    }
                    for piece in part.slices
                ],
            }
            for part in plan.parts
        ],
        "executor": session.executor.name,
        "workers": session.executor.workers,
        "started": started,
    }


def final_manifest(
    session: Session,
    cascade: Cascade,
    resolved: Receipt,
    decisions: Sequence[Receipt],
    exports: Sequence[Receipt],
    seconds: float,
) -> dict[str, Any]:
    """Return the manifest of a finished run, after checking that no document was lost.

    Raises
    ------
    LedgerError
        Documents in are not documents kept, removed and errored.
    """
    plan = session.plan
    documents = [receipts[plan.documents.key] for receipts in cascade.measured]
    total = {
        name: sum(receipt.facts[name] for receipt in decisions)
        for name in ("kept", "removed", "errored", "bytes_kept")
    }
    documents_in = sum(receipt.facts["rows"] for receipt in documents)
    split, pieces = (sum(receipt.facts.get(name, 0) for receipt in documents) for name in ("split", "pieces"))
    rows = sum(part.rows for part in plan.parts)
    if plan.sample == 1 and rows != documents_in - pieces + split:
        raise LedgerError(
            f"{plan.out}: the input has {rows} rows, {documents_in} documents came in, {pieces} of them pieces of "
            f"{split} rows: these do not add up. Please report this"
        )
    exported = sum(receipt.facts["kept"] for receipt in exports)
    if documents_in != total["kept"] + total["removed"] + total["errored"] or exported != total["kept"]:
        raise LedgerError(
            f"{plan.out}: {documents_in} documents came in, {total['kept']} were kept, {total['removed']} removed, "
            f"{total['errored']} set aside and {exported} exported: these do not add up. Please report this"
        )
    return {
        **session.manifest,
        "complete": True,
        "products": [product.receipt("*") for product in plan.products],
        "settled": {cascade.steps[position]["name"]: key for position, key in plan.settled.items()},
        "steps": _steps(cascade, decisions, documents_in),
        "counts": {
            "documents_in": documents_in,
            "bytes_in": sum(receipt.facts["bytes"] for receipt in documents),
            "orphaned": resolved.facts["orphaned"],
            "split": split,
            "pieces": pieces,
            **total,
        },
        "tables": _tables(cascade, documents, decisions),
        "signals": _signals(cascade),
        "data": [file.path for receipt in exports for file in receipt.files],
        "warnings": session.warnings,
        "stages": [{"name": name, "seconds": round(spent, 3)} for name, spent in session.seconds.items()],
        "seconds": round(seconds, 3),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _steps(cascade: Cascade, decisions: Sequence[Receipt], documents_in: int) -> list[dict[str, Any]]:
    if cascade.collected is None:
        raise AssertionError("the fates are collected before the manifest is written")
    by_fate = {int(fate): count for fate, count in cascade.collected.facts["by_fate"].items()}
    facts = [receipt.facts for receipt in decisions]
    left = documents_in - by_fate.get(ERRORED, 0)
    steps = []
    for step in cascade.steps:
        removed = by_fate.get(step["position"], 0)
        steps.append(
            {
                "name": step["name"],
                "kind": step["kind"],
                "in": left,
                "kept": left - removed,
                "removed": removed,
                "changed": sum(fact["changed"][str(step["position"])] for fact in facts)
                if step["kind"] in EDITS
                else None,
                "annotated": sum(fact["annotated"].get(step["name"], 0) for fact in facts),
                "not_compared": sum(fact["not_compared"].get(step["name"], 0) for fact in facts),
                "seconds": round(cascade.step_seconds(step["position"]), 3),
            }
        )
        left -= removed
    if left != by_fate.get(ALIVE, 0):
        raise AssertionError("the funnel ends at the kept documents")
    return steps


def _tables(cascade: Cascade, documents: Sequence[Receipt], decisions: Sequence[Receipt]) -> dict[str, Any]:
    plan = cascade.plan
    named = {step["position"]: step["name"] for step in cascade.steps}

    def files(product: Product, table: str) -> list[str]:
        return [product.file(part.name, table) for part in plan.parts]

    by_text = {
        "edits": [
            {"step": named[position], "files": files(product, "edits")}
            for position, product in cascade.edit_products().items()
        ],
        "spans": [
            {"step": step["name"], "files": files(product, "spans")}
            for step in cascade.steps
            for product in plan.by_step[step["position"]].products
            if (product.kind == "edits" and EDITS[step["kind"]].spans is not None)
            or product.params.get("spans")
        ],
        "line_values": [
            {"step": step["name"], "files": files(product, "line_values")}
            for step in cascade.steps
            for product in plan.by_step[step["position"]].products
            if product.params.get("line_values")
        ],
        "repeats": [
            {"step": named[position], "files": [repeats_file(key, part.name) for part in plan.parts]}
            for position, key in plan.settled.items()
            if cascade.steps[position]["kind"] in EDITS
        ],
    }
    by_dedup = {
        table: [
            {"step": named[position], "files": tables[table]}
            for position, tables in cascade.by_dedup.items()
            if table in tables
        ]
        for table in ("pairs", "buckets", "templates")
    }
    limits = [
        {"step": named[position], "files": [file.path for file in receipt.files]}
        for position, receipt in cascade.limits.items()
    ]
    return {
        "documents": [receipt.files[0].path for receipt in documents],
        "errors": [*(receipt.files[1].path for receipt in documents), *record_unreadable(plan)],
        "pieces": [file.path for receipt in documents for file in receipt.files[2:]],
        "decisions": [receipt.files[0].path for receipt in decisions],
        "limits": limits,
        **by_text,
        **by_dedup,
    }


def _signals(cascade: Cascade) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for step in cascade.steps:
        if step["kind"] != "filter":
            continue
        rules = rules_of(step["resolved"])
        bounds = _bounds(cascade, step)
        _, *families = cascade.plan.by_step[step["position"]].products
        found.extend(
            {
                "step": step["name"],
                "family": product.label,
                "files": [product.file(part.name) for part in cascade.plan.parts],
                "rules": rules[product.label],
                "bounds": [bound for bound in bounds if bound["signal"] in rules[product.label]],
            }
            for product in families
        )
    return found


def _bounds(cascade: Cascade, step: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a filter's bounds with numbers for limits; one that differs by source is in `limits` alone."""
    receipt = cascade.limits.get(step["position"])
    found = {}
    if receipt is not None:
        table = pq.read_table(cascade.plan.out / receipt.files[0].path, use_threads=False)
        found = {
            (row["signal"], row["bound"]): row["limit"] for row in table.to_pylist() if row["by"] is None
        }
    return [
        {
            **bound,
            **{
                name: found.get((bound["signal"], name))
                for name in ("min", "max")
                if isinstance(bound[name], dict)
            },
        }
        for bound in step["resolved"]["bounds"]
    ]
