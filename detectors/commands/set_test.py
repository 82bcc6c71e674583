"""`datagov detect set-test`: whether the suspects as a set score above known non-members."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from datagov import terminal
from datagov.errors import ConfigError
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
    listed,
    read_params,
    residual_line,
)

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add `set-test`."""
    app.command("set-test")(set_test_command)


def set_test_command(
    suspects: ScoresArgument,
    calibration: CalibrationOption,
    method: MethodOption,
    alpha: Annotated[float, typer.Option("--alpha", help="Level of the tests.")] = 0.05,
    by_source: Annotated[bool, typer.Option("--by-source", help="Test each source as well.")] = False,
    mix: Annotated[
        str | None,
        typer.Option(
            "--mix", metavar="A,B", help="Test a mix of these methods as well, fitted and tested apart."
        ),
    ] = None,
    control: Annotated[
        Path | None,
        typer.Option(
            "--control",
            metavar="SCORES",
            help="The suspects under a target that cannot know them; with --control-calibration.",
        ),
    ] = None,
    control_calibration: Annotated[
        Path | None,
        typer.Option(
            "--control-calibration", metavar="SCORES", help="The known non-members under the same target."
        ),
    ] = None,
    texts: TextsOption = None,
    calibration_texts: CalibrationTextsOption = None,
    params: ParamOption = None,
    text_column: TextColumnOption = None,
    form: FormOption = None,
    date_column: DateColumnOption = None,
    reduce: ReduceOption = "mean",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Test whether the suspects together score above known non-members; one document, one vote.

    A set can show what no single text can. It is as confounded as they are: the blind check runs where texts are given, and a
    control target, which cannot have seen the suspects, shows how far they differ without it.
    """
    from detectors.assessment.sets import against_control, mixed, set_tests
    from detectors.assessment.suspects import open_pair

    given: dict[str, Any] = {
        "texts": texts,
        "calibration_texts": calibration_texts,
        "text_column": text_column,
        "form": form,
        "date_column": date_column,
    }
    pair = open_pair(suspects, calibration, method, read_params(params), **given, reduce=reduce, seed=seed)
    record = set_tests(pair, alpha=alpha, sources=by_source, seed=seed)
    if control is not None and control_calibration is not None:
        other = open_pair(
            control, control_calibration, method, read_params(params), **given, reduce=reduce, blind=False
        )
        record["control"] = against_control(pair, other, alpha=alpha, seed=seed)
    elif (control, control_calibration) != (None, None):
        raise ConfigError("--control goes with --control-calibration: the control has to score both sides.")
    if mix is not None:
        others = [
            open_pair(suspects, calibration, name, {}, **given, reduce=reduce, blind=False)
            for name in listed(mix)
        ]
        record["mix"] = mixed(others, seed=seed)
    if as_json:
        terminal.print_json(record)
    else:
        show(record)


def show(record: dict[str, Any]) -> None:
    """Print the tests."""
    rows = [("all", record["test"], None)]
    rows += [(source["source"], source["test"], source["adjusted_p"]) for source in record.get("sources", ())]
    terminal.print_table(
        (
            "set",
            "suspects",
            "non-members",
            "AUROC",
            "95 %",
            "rank-sum p",
            "permutation p",
            "BH p",
            "detectable from",
        ),
        [line(name, test, adjusted) for name, test, adjusted in rows if test],
    )
    for source in record.get("sources", ()):
        if source["test"] is None:
            terminal.note(f"{source['source']}: not tested, {source['reason']}")
    if "mix" in record:
        mix = record["mix"]
        weights = ", ".join(
            f"{name} {weight:.2f}" for name, weight in zip(mix["methods"], mix["weights"], strict=True)
        )
        terminal.line(
            f"mix: held-out AUROC {mix['auroc']:.3f}, permutation p {mix['p_value']:.3g}; weights {weights}"
        )
    if "control" in record:
        gain, auroc = record["control"]["test"], record["control"]["auroc"]
        terminal.line(
            f"control: AUROC {auroc['control']:.3f}, under the target {auroc['target']:.3f}; of the gains "
            f"{gain['effect']['value']:.3f} [{gain['effect']['low']:.3f}, {gain['effect']['high']:.3f}], permutation p "
            f"{gain['permutation_p']:.3g}"
        )
    check = record["self_test"]
    terminal.line(
        f"self-test: halves of the non-members differ at {check['alpha']:g} in {check['rate']:.3f} of {check['splits']} splits"
    )
    blind = record["blind"]
    if blind is None:
        terminal.note("no blind check: whatever differs may be the texts and not the model's memory of them")
    else:
        terminal.line(
            f"blind check: {blind['outcome']}; AUROC {blind['auroc']:.3f} [{blind['low']:.3f}, {blind['high']:.3f}]"
        )
        if blind["outcome"] == "separated":
            terminal.note(
                "confounded: the texts differ without any model, and a difference of their scores may be no more than that"
            )
    for remark in record["remarks"]:
        terminal.note(remark)
    if record["residual"] is not None:
        terminal.line(residual_line(record["residual"]))


def line(name: str, test: dict[str, Any], adjusted: float | None) -> tuple[Any, ...]:
    """Return one row of the table."""
    effect = test["effect"]
    return (
        name,
        test["suspects"],
        test["non_members"],
        effect["value"],
        f"[{effect['low']:.3f}, {effect['high']:.3f}]",
        test["rank_sum_p"],
        test["permutation_p"],
        adjusted,
        test["minimum_detectable_auroc"],
    )
