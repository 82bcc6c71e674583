"""A comparison of two runs as a page for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from datagov import terminal
from datagov.ledger.audit_text import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["print_diff"]

LINES = 20
"""Most lines of settings, and of flips, on a page that does not show everything."""
VERDICTS = {"keep": "kept", "remove": "removed", "error": "set aside"}


def print_diff(found: Mapping[str, Any], *, everything: bool) -> None:
    """Print what `datagov.ledger.diff.diff` returned, in short or `everything` of it."""
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
    for name in ("recipe", "input"):
        print_settings(name, found[name], LINES if not everything else None)
    terminal.line()
    terminal.heading("counts")
    counts = [
        (in_words(name), a, b, None if None in (a, b) else b - a) for name, (a, b) in found["counts"].items()
    ]
    terminal.print_table(("count", "a", "b", "change"), counts, indent=2)
    terminal.line()
    terminal.heading("documents")
    documents = [(name.replace("_", " "), number) for name, number in found["documents"].items()]
    terminal.print_table(("which", "documents"), documents, indent=2)
    print_flips(found["flips"], LINES // max(1, len(found["flips"])) if not everything else None)
    others = found["documents"]["other_reasons"]
    if others:
        terminal.line()
        more = "" if everything else " (--all tells which)"
        terminal.line(f"{others} documents have the same verdict, for other reasons{more}.")
    if everything and found["changes"]:
        terminal.line()
        terminal.heading("verdicts and bounds that changed")
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


def print_settings(name: str, changes: Sequence[Mapping[str, Any]], most: int | None) -> None:
    """Print the settings that differ, `most` of them or all."""
    terminal.line()
    terminal.heading(name)
    if not changes:
        terminal.line("  no difference")
        return
    settings = [(change["path"], setting(change["a"]), setting(change["b"])) for change in changes[:most]]
    terminal.print_table(("setting", "a", "b"), settings, indent=2)
    print_rest(len(changes) - len(settings), "settings")


def print_flips(flips: Sequence[Mapping[str, Any]], most: int | None) -> None:
    """Print the documents whose verdict changed, by deciding step and bound; `most` lines a direction."""
    for direction in flips:
        before, after = VERDICTS[direction["action_a"]], VERDICTS[direction["action_b"]]
        lines = direction["by_rule"]
        shared = sum(line["documents"] for line in lines) > direction["documents"]
        counted = "; a document counts at each bound it crossed" if shared else ""
        terminal.line()
        terminal.heading(f"{before} -> {after}: {direction['documents']} documents{counted}")
        rows = [(line["step"], line["rule"], line["documents"], sources(line)) for line in lines[:most]]
        terminal.print_table(("step", "bound", "documents", "sources"), rows, indent=2)
        print_rest(len(lines) - len(rows), "bounds")


def print_rest(number: int, what: str) -> None:
    """Say how many lines are not shown."""
    if number:
        terminal.line(f"  and {number} more {what} (--all)")


def sources(line: Mapping[str, Any]) -> str:
    """Return the sources of the flipped documents: `web 9, books 7, news 1, and 2 more`."""
    told = [
        f"{'no source' if entry['source'] is None else entry['source']} {entry['documents']}"
        for entry in line["sources"]
    ]
    rest = line["source_count"] - len(told)
    return ", ".join([*told, f"and {rest} more"] if rest else told)


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
        return VERDICTS[action]
    return f"removed at {step}" + (f" ({because})" if because else "")
