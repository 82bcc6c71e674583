"""What plan, run and status print."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from datagov import terminal
from datagov.errors import ConfigError
from datagov.storage import Folder, file_size, read_bytes
from pipelines.filters import of_survivors
from pipelines.plan import MARKER, Plan, run_records

__all__ = ["print_plan", "print_share", "print_status", "print_summary", "run_record", "status_of"]


def print_plan(summary: dict[str, Any]) -> None:
    """Print a plan's summary for a person."""
    terminal.line(f"recipe   {summary['recipe']} ({summary['recipe_digest'][:12]})")
    terminal.line(f"dataset  {summary['dataset']}")
    terminal.line(
        f"input    {summary['input']}: {summary['shards']} shards, {summary['rows']} documents, "
        f"{summary['text_bytes'] / 1e6:.1f} MB of text"
    )
    terminal.line(f"output   {summary['output']}, run {summary['run_id']}")
    if summary["passed_over"]:
        counts = ", ".join(f"{count} {kind}" for kind, count in summary["passed_over"].items())
        terminal.line(f"no rows  records that can be no documents: {counts}")
    for shard in summary["unreadable"]:
        terminal.line(f"unreadable {shard['shard']}: {shard['problem']}")
    terminal.line()
    terminal.print_table(
        ["step", "kind", "what"],
        [[step["name"], step["kind"], _step_text(step)] for step in summary["steps"]],
    )
    terminal.line()
    _print_measuring(summary["parts"], summary["parts_reused"])
    terminal.line()
    terminal.print_table(
        ["stage", "for", "what happens", "MB of text to read"],
        [
            [stage["stage"], ", ".join(stage["steps"]), _happens(stage), _megabytes(stage["text_bytes"])]
            for stage in summary["stages"]
        ],
    )
    if any(stage["state"] == "open" for stage in summary["stages"]):
        terminal.line("open: reused if the stages before it give what they gave before; otherwise it runs")
    terminal.line()
    for group in summary["uncovered"]:
        terminal.line(f"{' and '.join(group['steps'])} leave out {_left_out(group)}")
    for warning in summary["warnings"]:
        terminal.line(f"warning: {warning}")


def _print_measuring(parts: list[dict[str, Any]], reused: int) -> None:
    """Print which products have to be measured in how many parts."""
    todo: dict[str, list[int]] = {}
    for part in parts:
        for product in part["to_measure"]:
            entry = todo.setdefault(product, [0, 0, 0])
            entry[0] += 1
            entry[1] += part["rows"]
            entry[2] += part["text_bytes"]
    terminal.line(f"parts    {len(parts)}, of which {reused} are measured; more workers than parts are idle")
    if todo:
        terminal.print_table(
            ["to measure", "parts", "documents", "MB of text"],
            [
                [name, f"{count}/{len(parts)}", rows, _megabytes(size)]
                for name, (count, rows, size) in todo.items()
            ],
        )


def _happens(stage: dict[str, Any]) -> str:
    if stage["units"] == 0:
        return "nothing to do"
    part_of = f" for {stage['to_do']} of {stage['units']}" if stage["to_do"] != stage["units"] else ""
    return f"runs{part_of}" if stage["state"] == "runs" else str(stage["state"])


def _megabytes(size: int | None) -> str:
    return f"{size / 1e6:.1f}" if size else ""


def _left_out(group: dict[str, Any]) -> str:
    if group["documents"] is None:
        return f"documents in other scripts (otherwise {group['otherwise']}); how many is known when they are measured"
    return f"{group['documents']} of the {group['measured']} documents measured so far (otherwise {group['otherwise']})"


def run_record(plan: Plan, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what `run --json` prints: the counts and the funnel of the run."""
    counts = manifest.get("counts", {})
    return {
        "run_id": manifest["run_id"],
        "complete": manifest["complete"],
        "output": str(plan.out),
        "data": f"data/{manifest['run_id']}",
        "documents_in": counts.get("documents_in"),
        "kept": counts.get("kept"),
        "removed": counts.get("removed"),
        "errored": counts.get("errored"),
        "bytes_in": counts.get("bytes_in"),
        "bytes_kept": counts.get("bytes_kept"),
        "orphaned": counts.get("orphaned"),
        "seconds": manifest.get("seconds"),
        "steps": manifest.get("steps", []),
        "stages": manifest.get("stages", []),
        "warnings": manifest.get("warnings", []),
    }


def print_summary(plan: Plan, manifest: dict[str, Any]) -> None:
    """Print the funnel of a finished run."""
    counts = manifest["counts"]
    terminal.print_table(
        ["step", "in", "kept", "removed", "% removed", "annotated", "changed"],
        [
            [
                step["name"],
                step["in"],
                step["kept"],
                step["removed"],
                f"{100 * step['removed'] / step['in']:.1f}" if step["in"] else "",
                step["annotated"],
                "" if step.get("changed") is None else step["changed"],
            ]
            for step in manifest["steps"]
        ],
    )
    for step in manifest["steps"]:
        if step["not_compared"]:
            terminal.line(
                f"{step['name']} could not compare {step['not_compared']} documents, which it passed on: see "
                "not_compared in by_reason"
            )
    terminal.line()
    terminal.line(
        f"{manifest['run_id']}: {counts['documents_in']} documents in, {counts['kept']} kept, "
        f"{counts['removed']} removed, {counts['errored']} set aside, {manifest['seconds']:.1f} s"
    )
    if counts["split"]:
        terminal.line(
            f"{counts['split']} long documents were split into {counts['pieces']}: see the ledger's pieces"
        )
    terminal.line(f"kept shards  {plan.out}/data/{manifest['run_id']}")
    terminal.line(f"ask why      datagov audit by_reason --ledger {plan.out}@{manifest['run_id']}")


def print_share(plan: Plan, share: tuple[int, int]) -> None:
    """Say what a share of a job array did and what is left."""
    open_parts = sum(bool(plan.missing(part)) for part in plan.parts)
    terminal.line(
        f"share {share[0]}/{share[1]} is measured; {open_parts} of {len(plan.parts)} parts are still open"
    )
    terminal.line("When all shares are done, the same command without --part does the rest.")


def status_of(out: Folder) -> dict[str, Any]:
    """Return the runs of an output folder.

    Raises
    ------
    ConfigError
        It is not the output folder of datagov.
    """
    marker = read_bytes(out, MARKER)
    if marker is None:
        raise ConfigError(
            f"{out}: not an output folder of datagov (no {MARKER}); expected the `output` of a recipe"
        )
    runs = [
        {
            "run_id": record["run_id"],
            "complete": record["complete"],
            "recipe_digest": record["recipe_digest"],
            "started": record["started"],
            "finished": record.get("finished"),
            "sample": record["input"]["sample"],
            "files_missing": _missing(out, record),
            "parts": len(record["parts"]),
            "parts_measured": _measured(out, record),
            **{
                name: record.get("counts", {}).get(name)
                for name in ("documents_in", "kept", "removed", "errored")
            },
        }
        for record in run_records(out).values()
    ]
    return {"output": str(out), **json.loads(marker), "runs": runs}


def print_status(status: dict[str, Any]) -> None:
    """Print the runs of an output folder for a person."""
    terminal.line(f"{status['output']}: dataset {status['dataset']}, input {status['input']}")
    terminal.print_table(
        [
            "run",
            "state",
            "recipe",
            "sample",
            "parts measured",
            "documents",
            "kept",
            "removed",
            "set aside",
            "started",
        ],
        [
            [
                run["run_id"],
                _state(run),
                run["recipe_digest"][:8],
                run["sample"],
                f"{run['parts_measured']}/{run['parts']}",
                run["documents_in"],
                run["kept"],
                run["removed"],
                run["errored"],
                run["started"],
            ]
            for run in status["runs"]
        ],
    )


def _state(run: dict[str, Any]) -> str:
    if not run["complete"]:
        return "unfinished: run again to continue"
    if run["files_missing"]:
        return f"{run['files_missing']} files are missing: run again to restore them"
    return "complete"


def _missing(out: Folder, record: dict[str, Any]) -> int:
    """Return how many of the files a finished run refers to are not there."""
    files = [
        *record.get("data", ()),
        *(path for table in record.get("signals", ()) for path in table["files"]),
    ]
    for table in record.get("tables", {}).values():
        for entry in table:
            files.extend([entry] if isinstance(entry, str) else entry["files"])
    return sum(file_size(out, path) is None for path in files)


def _measured(out: Folder, record: dict[str, Any]) -> int:
    """Return how many parts have all products of a run."""
    patterns = record["products"]
    return sum(
        all(file_size(out, pattern.replace("*", part["name"])) is not None for pattern in patterns)
        for part in record["parts"]
    )


def _counted(things: Sequence[Any], noun: str) -> str:
    return f"{len(things)} {noun}" + ("" if len(things) == 1 else "s")


def _step_text(step: dict[str, Any]) -> str:
    if step["kind"] == "filter":
        when = f" when script is {' or '.join(step['when'])}" if step["when"] else ""
        otherwise = f", otherwise {step['otherwise']}" if step["otherwise"] else ""
        verb = "annotate" if step["annotate"] else "remove"
        survivors = ", of survivors" if of_survivors(step) else ""
        conditions = f", {_counted(step['where'], 'condition')}" if step.get("where") else ""
        of = step["profile"] or ", ".join(family["family"] for family in step["families"])
        return f"{of} ({_counted(step['bounds'], 'bound')}{conditions}, {verb}{survivors}){when}{otherwise}"
    shown = {
        key: value
        for key, value in step.items()
        if key not in {"name", "kind"} and value not in (None, [], False)
    }
    return json.dumps(shown, ensure_ascii=False)
