"""A comparison of two runs as a page for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from datagov import terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["print_diff"]


def print_diff(found: Mapping[str, Any]) -> None:
    """Print what `datagov.ledger.diff.diff` returned."""
    for name in ("a", "b"):
        side = found[name]
        terminal.line(
            f"{name}: {side['output']}@{side['run_id']}, dataset {side['dataset']}, "
            f"recipe {side['recipe_digest']}, datagov {side['code_version']}"
        )
    if found["a"]["dataset"] != found["b"]["dataset"]:
        terminal.note(
            "The datasets differ: document ids are made from the dataset's name, so none are shared."
        )
    terminal.line()
    terminal.heading("recipe")
    if found["recipe"]:
        settings = [
            (change["path"], setting(change["a"]), setting(change["b"])) for change in found["recipe"]
        ]
        terminal.print_table(("setting", "a", "b"), settings, indent=2)
    else:
        terminal.line("  no difference")
    terminal.line()
    terminal.heading("counts")
    counts = [(name, a, b, None if None in (a, b) else b - a) for name, (a, b) in found["counts"].items()]
    terminal.print_table(("count", "a", "b", "change"), counts, indent=2)
    terminal.line()
    terminal.heading("documents")
    terminal.print_table(("which", "documents"), list(found["documents"].items()), indent=2)
    if found["changes"]:
        terminal.line()
        terminal.heading("verdicts that changed")
        changes = [(fate(change, "a"), fate(change, "b"), change["documents"]) for change in found["changes"]]
        terminal.print_table(("a", "b", "documents"), changes, indent=2)
    if found["examples"]:
        terminal.line()
        terminal.heading("examples, by doc_id")
        examples = [
            (row["doc_id"], row["id"], row["shard"], row["shard_row"], fate(row, "a"), fate(row, "b"))
            for row in found["examples"]
        ]
        terminal.print_table(("doc_id", "id", "shard", "row", "a", "b"), examples, indent=2)


def setting(value: Any) -> str:
    """Return a recipe value in a few words."""
    text = json.dumps(value, ensure_ascii=False) if value is not None else "(none)"
    return text if len(text) <= 120 else text[:117] + "..."


def fate(row: Mapping[str, Any], side: str) -> str:
    """Return one side's verdict: `kept`, `removed at filter (word_count min)`."""
    action, step, because = (row[f"{key}_{side}"] for key in ("action", "step", "because"))
    if action is None:
        return "absent"
    if action != "remove":
        return "kept" if action == "keep" else "set aside"
    return f"removed at {step}" + (f" ({because})" if because else "")
