"""`datagov detect hidden-verdict`: whether a model says more that its corpus does not explain than clean siblings do."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datagov import terminal
from detectors.commands.findings_files import read_findings, read_trials

if TYPE_CHECKING:
    import pyarrow as pa

    from detectors.fingerprint.verdict import HiddenVerdict

__all__ = ["SiblingOption", "StatisticOption", "bits_of_trials", "register", "say"]

SiblingOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--sibling",
        metavar="JOINED",
        help="Joined findings of a clean model that was trained as the suspect was; repeatable.",
    ),
]
StatisticOption = Annotated[
    str | None,
    typer.Option("--statistic", help="bits or sure, declared beforehand; default bits with a base."),
]


def register(app: typer.Typer) -> None:
    """Add `hidden-verdict`."""
    app.command("hidden-verdict")(hidden_verdict_command)


def hidden_verdict_command(
    joined: Annotated[
        Path, typer.Argument(metavar="JOINED", help="What `datagov detect join` wrote of the suspect.")
    ],
    trials: Annotated[
        list[Path],
        typer.Option("--trials", metavar="FILE", help="What `datagov detect lab trials` wrote; repeatable."),
    ],
    siblings: SiblingOption = None,
    statistic: StatisticOption = None,
    alpha: Annotated[float, typer.Option("--alpha", help="Error rate.")] = 0.05,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say of a model: evidence of hidden text, clean, undecided, or not calibratable.

    Exit code 1 where there is evidence. A clean verdict says how often a fresh plant would have been found.
    """
    from dataclasses import asdict

    from detectors.fingerprint.probe_record import record_of
    from detectors.fingerprint.verdict import judge

    table = read_findings(joined)
    known = read_trials(trials, siblings or ())
    found = judge(table, record_of(table, str(joined)), known, statistic=statistic, alpha=alpha)
    if as_json:
        terminal.print_json(asdict(found))
    else:
        for line in say(found):
            terminal.line(line)
    if found.verdict == "evidence":
        raise typer.Exit(1)


def say(found: HiddenVerdict) -> list[str]:
    """Return a verdict in sentences."""
    lines = [f"{found.verdict}: {found.statistic} = {found.value:.4g}"]
    lines += [f"  {reason}" for reason in found.reasons]
    if found.p_value is not None and found.alarm_rate_high is not None:
        edge = "none" if found.cut_off is None else f"{found.cut_off:.4g}"
        lines.append(
            f"  p = {found.p_value:.3f} among {found.siblings} clean siblings (the least they can give is {found.least_p:.3f}); "
            f"cut-off at {found.alpha:g}: {edge}"
        )
        lines.append(
            f"  {found.alarms} of {found.siblings} clean siblings are sure of something their corpus does not explain: at most "
            f"{found.alarm_rate_high:.1%} of clean models are (95 %, one-sided)"
        )
    for one in found.power:
        where = "a copy of this model" if one.on_suspect else "a lab's model"
        lines.append(
            f"  a text planted by {one.recipe} into {where} is found {one.found} times of {one.models} "
            f"({one.low:.0%} to {one.high:.0%})"
        )
    lines.append(
        f"  {found.coverage:.1%} of the vocabulary was forced; not seen by design: {'; '.join(found.blind_spots)}"
    )
    return lines


def bits_of_trials(paths: list[Path], findings: pa.Table, where: str, alpha: float) -> float:
    """Return the bits over the base that clean siblings do not exceed, at an error rate.

    Raises
    ------
    InputError
        Too few clean trials of the findings' family were probed as they were.
    """
    from datagov.errors import InputError
    from detectors.fingerprint.probe_record import record_of, settings_of
    from detectors.fingerprint.verdict import cut_off

    record = record_of(findings, where)
    rows: list[dict[str, Any]] = read_trials(paths).to_pylist()
    clean = [
        row["bits"]
        for row in rows
        if row["kind"] == "clean"
        and row["bits"] is not None
        and row["settings"] == settings_of(record)
        and row["family"] == record["family"]
    ]
    edge = cut_off(clean, alpha)
    if edge is None:
        raise InputError(
            f"--bits-from: {len(clean)} clean models of the family of {where} were probed as it was, too few for an error rate "
            f"of {alpha:g}; give more trials, or name --bits"
        )
    return edge
