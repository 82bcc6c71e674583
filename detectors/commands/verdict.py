"""`datagov detect calibrate | verdict`: a threshold from known non-members, and a word for each suspect."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datagov import terminal
from datagov.errors import InputError
from detectors.commands.settings import (
    CalibrationOption,
    CalibrationTextsOption,
    DateColumnOption,
    FormOption,
    JsonOption,
    MethodOption,
    ParamOption,
    ReduceOption,
    ScoresArgument,
    SeedOption,
    TextColumnOption,
    TextsOption,
    read_params,
    residual_line,
)

if TYPE_CHECKING:
    from detectors.assessment.suspects import Assessment

__all__ = ["register"]

SHOWN = 20
AlphaOption = Annotated[
    float,
    typer.Option(
        "--alpha", help="Error rate: of false evidence among evidence (bh), of any (holm), of each (none)."
    ),
]


def register(app: typer.Typer) -> None:
    """Add `calibrate` and `verdict`."""
    app.command("calibrate")(calibrate_command)
    app.command("verdict")(verdict_command)


def calibrate_command(
    scores: ScoresArgument,
    method: MethodOption,
    fpr: Annotated[float, typer.Option("--fpr", help="False-positive rate asked for.")] = 0.05,
    params: ParamOption = None,
    reduce: ReduceOption = "mean",
    as_json: JsonOption = False,
) -> None:
    """Find the score that known non-members seldom exceed, and the band in which its true false-positive rate lies.

    SCORES are of known non-members. The same calibration, not this number, goes into `verdict`.
    """
    from detectors.statistics.conformal import threshold
    from detectors.statistics.documents import documents_of, read_scores
    from detectors.statistics.set_tests import self_test

    documents = documents_of(
        read_scores(scores), method, read_params(params), reduce=reduce, where=str(scores)
    )
    known = documents.scores[documents.scored]
    if len(known) == 0:
        raise InputError(f"{scores}: no document has a score by {method}; there is nothing to calibrate on")
    found = threshold(known, fpr)
    tested = self_test(known) if len(known) >= 8 else None
    if as_json:
        terminal.print_json(
            {
                "method": method,
                "params": documents.params,
                "threshold": asdict(found),
                "without_score": int((~documents.scored).sum()),
                "self_test": None if tested is None else asdict(tested),
                "origin": dict(documents.origin),
            }
        )
        return
    terminal.line(f"{method} > {found.value:.6g} is evidence at a false-positive rate of {fpr:g}")
    terminal.line(
        f"  {found.non_members} known non-members; over calibration sets the rate is {found.mean_fpr:.4f}, and of this one it "
        f"lies in [{found.fpr_low:.4f}, {found.fpr_high:.4f}] with 95 %"
    )
    if tested is not None:
        terminal.line(
            f"  self-test: halves of the non-members differ at {tested.alpha:g} in {tested.rate:.3f} of {tested.splits} splits"
        )


def verdict_command(
    suspects: ScoresArgument,
    calibration: CalibrationOption,
    method: MethodOption,
    alpha: AlphaOption = 0.05,
    correction: Annotated[str, typer.Option("--correction", help="bh, holm or none.")] = "bh",
    texts: TextsOption = None,
    calibration_texts: CalibrationTextsOption = None,
    params: ParamOption = None,
    text_column: TextColumnOption = None,
    form: FormOption = None,
    date_column: DateColumnOption = None,
    reduce: ReduceOption = "mean",
    seed: SeedOption = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", dir_okay=False, help="Write the verdicts as Parquet."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say of each suspect: evidence, no evidence, confounded, or not calibratable.

    Exit code 1 where there is evidence. No verdict of evidence is given without the texts: the blind check needs them.
    """
    from datagov.storage import encode_table, replace
    from detectors.assessment.suspects import assess, open_pair, verdict_table

    pair = open_pair(
        suspects,
        calibration,
        method,
        read_params(params),
        texts=texts,
        calibration_texts=calibration_texts,
        reduce=reduce,
        text_column=text_column,
        form=form,
        date_column=date_column,
        seed=seed,
    )
    found = assess(pair, alpha=alpha, correction=correction)
    table = verdict_table(found)
    if output is not None:
        replace(output, encode_table(table))
    if as_json:
        shown = table.select(
            ["document", "texts", "id", "source", "verdict", "reason", "score", "p_value", "adjusted_p"]
        )
        terminal.print_json(found.summary() | {"documents": shown.to_pylist()})
    else:
        show(found)
    if "evidence" in found.verdicts.words:
        raise typer.Exit(1)


def show(found: Assessment) -> None:
    """Print the counts, what they rest on, and the suspects with the smallest p-values."""
    summary, verdicts = found.summary(), found.verdicts
    terminal.print_table(("verdict", "documents"), list(summary["counts"].items()))
    band = verdicts.calibration
    if band is not None:
        terminal.line(
            f"{summary['method']}: {verdicts.non_members} known non-members; at {verdicts.alpha:g} each the true false-positive "
            f"rate lies in [{band.fpr_low:.4f}, {band.fpr_high:.4f}]; correction {verdicts.correction}"
        )
    blind = verdicts.blind
    if blind is not None:
        terminal.line(
            f"blind check: {blind.outcome}; without any model AUROC {blind.auroc:.3f} [{blind.low:.3f}, {blind.high:.3f}], "
            f"p = {blind.p_value:.3g}"
        )
    if summary["residual"] is not None:
        terminal.line(residual_line(summary["residual"]))
    for remark in summary["remarks"]:
        terminal.note(remark)
    order = verdicts.p.argsort(kind="stable")[:SHOWN]
    names = found.pair.suspects.names
    terminal.print_table(
        ("document", "verdict", "reason", "score", "p", "adjusted p"),
        [
            (
                names[row],
                verdicts.words[row],
                verdicts.reasons[row],
                *(
                    None if math.isnan(value) else float(value)
                    for value in (found.pair.suspects.scores[row], verdicts.p[row], verdicts.adjusted[row])
                ),
            )
            for row in order
        ],
    )
    if len(names) > SHOWN:
        terminal.note(f"{len(names) - SHOWN} more documents; --output FILE or --json has all.")
