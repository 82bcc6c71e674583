"""The demo's check on one page of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines.demo.check import Recall, Report

__all__ = ["summary"]

_HEAD = ("pairs", "mean J", "to find", "found", "promised", "at least", "wrongly", "")


def summary(report: Report) -> str:
    """Return the report as plain text: recall against its promise, precision, losses, and each kind's fate."""
    promised = sum(row.promised for row in report.by_edit_rate)
    due = sum(row.due for row in report.by_edit_rate)
    promise = promised / due if due else 1.0
    lines = [
        "near-copies found, by share of tokens edited",
        *_recalls("edited", report.by_edit_rate),
        "",
        "near-copies found, by true Jaccard",
        *_recalls("Jaccard", report.by_jaccard),
        "",
        f"recall      {report.recall:.3f} of {due} near-copies over the threshold; the S-curve promises {promise:.3f}",
        f"precision   {report.precision:.3f} of {report.removed_as_duplicates} removals as duplicates",
        f"exact       {report.exact_found} of {report.exact_copies} exact copies removed",
        f"junk        {report.junk_removed} of {report.junk} documents removed by the filters",
        f"lost        {len(report.lost)} distinct documents, {len(report.emptied)} groups without a kept copy",
        "",
        "what became of what was planted",
    ]
    width = max(len(kind) for kind in report.kinds)
    for kind, fates in report.kinds.items():
        told = ", ".join(
            f"{name} {count}" for name, count in sorted(fates.items(), key=lambda fate: -fate[1])
        )
        lines.append(f"  {kind:<{width}}  {told}")
    lines += [f"  wrong: {name}" for name in report.wrong[:10]]
    lines += [f"  lost: {name}" for name in report.lost[:10]]
    lines += ["", "found what was planted: " + ("yes" if report.passed else "NO")]
    return "\n".join(lines)


def _recalls(title: str, rows: Iterable[Recall]) -> list[str]:
    table = [(title, *_HEAD)]
    table += [
        (
            row.group,
            str(row.pairs),
            f"{row.mean_jaccard:.3f}",
            str(row.due),
            str(row.found),
            f"{row.promised:.1f}",
            str(row.at_least),
            str(row.wrongly_removed),
            "" if row.passed else "NO",
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    return [
        "  " + "  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]
