"""The answer of what-if as a page for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from datagov import terminal

__all__ = ["print_answer"]


def print_answer(found: Mapping[str, Any]) -> None:
    """Print what `pipelines.what_if.what_if` returned."""
    terminal.line(f"{found['output']}@{found['run_id']} with")
    for change in found["settings"]:
        terminal.line(f"  {change['path']}: {setting(change['a'])} -> {setting(change['b'])}")
    if not found["settings"]:
        terminal.line("  no difference")
    terminal.line()
    terminal.print_table(
        ["step", "kind", "removed before", "removed now"],
        [
            *(
                [step["name"], step["kind"], step["removed"]["before"], between(step["removed"])]
                for step in found["steps"]
            ),
            ["all", "", found["removed"]["before"], between(found["removed"])],
        ],
    )
    terminal.line()
    terminal.print_table(
        ["source", "kept before", "kept now"],
        [[row["source"], row["kept"]["before"], between(row["kept"])] for row in found["by_source"]],
    )
    terminal.line()
    terminal.line(
        f"kept now, removed before: {between(found['newly_kept'])}; "
        f"removed now, kept before: {between(found['newly_removed'])}"
    )
    if found["verified"]:
        terminal.line("exact: the changed recipe was run on the texts it needs")
    elif found["exact"]:
        terminal.line("exact: a full run would remove the same documents")
    else:
        terminal.line(
            f"not exact: {found['unknown_pairs']} pairs of documents were never compared; the figures of a full "
            "run lie within the ranges (--verify compares them)"
        )


def setting(value: Any) -> str:
    """Return a recipe's value in a few words."""
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def between(figure: Mapping[str, int]) -> int | str:
    """Return a figure: one number, or the least and the most."""
    return figure["low"] if figure["low"] == figure["high"] else f"{figure['low']} to {figure['high']}"
