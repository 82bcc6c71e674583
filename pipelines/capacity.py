"""What a corpus of another size would take: rates measured on the spot, carried over in proportion.

One part of the input (or of made text) is run through the recipe in a scratch folder by one worker, and a few of its
documents as well. What is done by part or by range grows with the documents and is shared by workers; what is done by
run grows with the documents and is done by one. What comes whatever the number of documents comes once a part, or
once a run. docs/scale.md holds the measurements that bear the proportion out.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datagov.errors import ConfigError
from pipelines.demo.corpus import make_corpus
from pipelines.input_spec import InputSpec
from pipelines.parts import PART_BYTES, PART_ROWS
from pipelines.plan import make_plan
from pipelines.rates import SERIAL, Rates, measure_rates, shares
from pipelines.recipe import Recipe

__all__ = ["Nodes", "capacity", "capacity_lines", "estimate"]

BY_RUN_BYTES = {"identify": 90, "resolve": 460, "link": 105}
"""Memory of the tasks done by run, for each document, removed document and bucket membership. One part is too small
to show it: these are slopes of the peaks of processes at half a million to six million of each; a test measures them
again."""
MADE_DOCUMENTS = 16_000
"""Made text of about 20 MB: what a part of a large corpus holds."""


@dataclass(frozen=True)
class Nodes:
    """The machines there would be."""

    count: int
    cpus: int


def estimate(recipe: Recipe, documents: str, nodes: Nodes, *, made_text: bool) -> dict[str, Any]:
    """Measure one part of a recipe's input, and return what so many documents would take; see `capacity`.

    Parameters
    ----------
    recipe : Recipe
        Its output folder is left alone.
    documents : str
        A number, such as 1e9.
    nodes : Nodes
    made_text : bool
        Measure made text in both languages instead, for whoever has no input yet.

    Raises
    ------
    ConfigError
        Not a number of documents.
    """
    count = parse_count(documents)
    with tempfile.TemporaryDirectory() as scratch:
        changed: dict[str, Any] = {"output": str(Path(scratch) / "out")}
        if made_text:
            corpus = make_corpus(Path(scratch), documents=MADE_DOCUMENTS).corpus
            changed["input"] = InputSpec(path=str(corpus), id="id", source="source", url="url")
        plan = make_plan(recipe.model_copy(update=changed))
        return capacity(measure_rates(plan, text="made" if made_text else "input"), count, nodes)


def parse_count(text: str) -> int:
    """Return a number of documents written as 1000000, 1_000_000 or 1e6.

    Raises
    ------
    ConfigError
    """
    try:
        count = float(text)
        if 1 <= count < 1e18 and count.is_integer():
            return int(count)
    except (ValueError, OverflowError):
        pass
    raise ConfigError(f"--documents {text}: expected a number of documents, such as 1e9")


def capacity(rates: Rates, documents: int, nodes: Nodes) -> dict[str, Any]:
    """Return what a run over so many documents like those measured would take.

    Parameters
    ----------
    rates : Rates
    documents : int
    nodes : Nodes

    Returns
    -------
    dict
        Bytes, seconds and hours; `largest_task_bytes` is the memory of the largest task done by run, on one
        node, beside that of its workers. `warnings` say what the figures suffer from.
    """
    factor = documents / rates.documents
    parts = math.ceil(shares(documents, rates.text_bytes * factor))
    by_stage = {}
    for stage, spent in rates.seconds.items():
        fixed = rates.fixed.get(stage, 0.0)
        by_stage[stage] = fixed * (1 if stage in SERIAL else parts) + (spent - fixed) * factor
    serial = sum(spent for stage, spent in by_stage.items() if stage in SERIAL)
    shared = sum(by_stage.values()) - serial
    by_run = {
        "identify": BY_RUN_BYTES["identify"] * documents,
        "resolve": BY_RUN_BYTES["resolve"] * rates.removed * factor,
        "link": BY_RUN_BYTES["link"] * rates.memberships * factor,
    }
    largest = max(by_run, key=lambda stage: by_run[stage])
    workers = nodes.cpus * rates.worker_bytes
    hours = (shared / (nodes.count * nodes.cpus) + serial) / 3600
    return {
        "measured": {
            "text": rates.text,
            "documents": rates.documents,
            "text_bytes": rates.text_bytes,
            "seconds": round(sum(rates.seconds.values()), 3),
            "fixed_seconds": round(sum(rates.fixed.values()), 3),
            "full_part": rates.full,
        },
        "warnings": [] if rates.full else [too_few(rates)],
        "documents": documents,
        "nodes": nodes.count,
        "cpus_per_node": nodes.cpus,
        "text_bytes": round(rates.text_bytes * factor),
        "parts": parts,
        "bytes_shuffled": round(rates.shuffled_bytes * factor),
        "bytes_written": round(rates.written_bytes * factor),
        "worker_bytes": rates.worker_bytes,
        "memory_per_node_bytes": round(workers + by_run[largest]),
        "largest_task": largest,
        "largest_task_bytes": round(by_run[largest]),
        "worker_hours": round(shared / 3600, 3),
        "serial_hours": round(serial / 3600, 3),
        "hours": round(hours, 3),
        "node_hours": round(hours * nodes.count, 3),
        "seconds_by_stage": {stage: round(spent, 1) for stage, spent in sorted(by_stage.items())},
    }


def too_few(rates: Rates) -> str:
    """Return the warning of rates that come from less than a part of a large corpus."""
    return (
        f"only {rates.documents:,} documents, {size(rates.text_bytes)} of text, were measured, where a part of a large "
        f"corpus has up to {size(PART_BYTES)} or {PART_ROWS:,} documents: what a run has to do for so few hides what it "
        "does for each, and every figure below may be far off. Name more of the input, or measure made text "
        "(--made-text)"
    )


def capacity_lines(found: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Return what `capacity` found as lines for a person: what, how much."""
    measured = found["measured"]
    return [
        (
            "measured",
            (
                f"{measured['documents']} documents, {size(measured['text_bytes'])} of {measured['text']} text, "
                f"{measured['seconds']:.1f} s by one worker"
            ),
        ),
        (
            "documents",
            f"{found['documents']:,} in {found['parts']:,} parts, {size(found['text_bytes'])} of text",
        ),
        ("bytes shuffled", size(found["bytes_shuffled"])),
        ("bytes written", size(found["bytes_written"])),
        (
            "memory a node",
            (
                f"{size(found['memory_per_node_bytes'])}: {found['cpus_per_node']} workers of {size(found['worker_bytes'])}, and "
                f"{size(found['largest_task_bytes'])} for {found['largest_task']} where it runs"
            ),
        ),
        ("worker hours", f"{found['worker_hours']:,.2f}, and {found['serial_hours']:,.2f} h of single tasks"),
        ("hours", f"{found['hours']:,.2f} on {found['nodes']} nodes of {found['cpus_per_node']} CPUs"),
        ("node-hours", f"{found['node_hours']:,.2f}"),
    ]


def size(count: float) -> str:
    """Return bytes in the largest decimal unit that leaves a digit before the point."""
    units = ["B", "kB", "MB", "GB", "TB", "PB"]
    power = min(len(units) - 1, int(math.log10(count)) // 3) if count >= 1 else 0
    return f"{count / 1000**power:.3g} {units[power]}"
