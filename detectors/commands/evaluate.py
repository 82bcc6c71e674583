"""`datagov detect evaluate`: how well scores part known members from known non-members."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from datagov import terminal
from detectors.commands.settings import JsonOption, ReduceOption, ScoresArgument, listed

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add `evaluate`."""
    app.command("evaluate")(evaluate_command)


def evaluate_command(
    scores: ScoresArgument,
    labels: Annotated[
        Path,
        typer.Option(
            "--labels", metavar="FILE", help="Which texts are members: Parquet, CSV or JSONL, by id or row."
        ),
    ],
    label_column: Annotated[
        str, typer.Option("--label-column", metavar="NAME", help="1, true or member; 0, false or non-member.")
    ] = "label",
    methods: Annotated[
        str | None, typer.Option("--methods", metavar="A,B", help="Only these; all where none is named.")
    ] = None,
    control: Annotated[
        Path | None,
        typer.Option(
            "--control", metavar="SCORES", help="The same texts under a target that cannot know them."
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="COLUMN",
            help="Documents that belong together, e.g. source; then they are resampled.",
        ),
    ] = None,
    prior: Annotated[
        list[float] | None,
        typer.Option(
            "--prior",
            min=0.0,
            max=1.0,
            help="Share of members that a predictive value is stated for; may be repeated.",
        ),
    ] = None,
    reduce: ReduceOption = "mean",
    as_json: JsonOption = False,
) -> None:
    """Measure each method on texts whose membership is known: AUROC, TPR at fixed FPR, predictive value, with intervals.

    A high AUROC shows that members score higher than non-members, not why: see the blind check of `verdict`.
    """
    from detectors.assessment.evaluation import PRIORS, evaluate
    from detectors.assessment.labels import read_labels
    from detectors.statistics.documents import read_scores

    table = read_scores(scores)
    records = evaluate(
        table,
        read_labels(labels, table, column=label_column),
        methods=listed(methods or ""),
        reduce=reduce,
        priors=tuple(prior) if prior else PRIORS,
        control=None if control is None else read_scores(control),
        cluster=cluster,
    )
    if as_json:
        terminal.print_json(records)
        return
    for record in records:
        show(record)


def show(record: dict[str, Any]) -> None:
    """Print one method's figures."""
    settings = ", ".join(f"{name}={terminal.cell(value)}" for name, value in record["params"].items())
    terminal.heading(f"{record['method']} ({settings})" if settings else record["method"])
    area = record["auroc"]
    if area is None:
        terminal.line(f"  AUROC undefined, {record['reason']}")
        return
    terminal.line(
        f"  AUROC {area['value']:.3f} [{area['low']:.3f}, {area['high']:.3f}] by {area['method']}; {record['members']} members, "
        f"{record['non_members']} non-members, {record['without_score']} without a score, {record['unlabelled']} without a label"
    )
    rows = []
    for point in record["operating_points"]:
        if "reason" in point:
            terminal.line(f"  TPR at FPR {point['asked_fpr']:g}: undefined, {point['reason']}")
            continue
        rows.append(
            (
                point["asked_fpr"],
                f"{point['fpr']:.4f} [{point['fpr_low']:.4f}, {point['fpr_high']:.4f}]",
                f"{point['tpr']:.3f} [{point['tpr_low']:.3f}, {point['tpr_high']:.3f}]",
                *(_share(value) for value in point["predictive_values"]),
            )
        )
        priors = [value["prior"] for value in point["predictive_values"]]
    if rows:
        terminal.print_table(
            ("asked FPR", "FPR", "TPR", *(f"PPV at {prior:g}" for prior in priors)), rows, indent=2
        )
    if "control" in record:
        paired = record["control"]
        interval = "" if paired["low"] is None else f" [{paired['low']:.3f}, {paired['high']:.3f}]"
        terminal.line(
            f"  control AUROC {paired['control']:.3f}; target minus control {paired['difference']:+.3f}{interval}"
        )


def _share(value: dict[str, Any]) -> str:
    low = "" if value["low"] is None else f" [{value['low']:.2f}, {value['high']:.2f}]"
    return "" if value["value"] is None else f"{value['value']:.2f}{low}"
