"""`datagov detect report`: an assessment as one HTML page and the JSON beside it."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from datagov import terminal
from datagov.errors import ConfigError
from detectors.commands.settings import (
    CalibrationOption,
    CalibrationTextsOption,
    JsonOption,
    MethodOption,
    ParamOption,
    ReduceOption,
    ScoresArgument,
    SeedOption,
    TextsOption,
    read_params,
)

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add `report`."""
    app.command("report")(report_command)


def report_command(
    suspects: ScoresArgument,
    calibration: CalibrationOption,
    method: MethodOption,
    output: Annotated[
        Path, typer.Option("--output", metavar="FILE.html", help="The page; FILE.json goes beside it.")
    ],
    alpha: Annotated[float, typer.Option("--alpha", help="Error rate, as for `verdict`.")] = 0.05,
    correction: Annotated[str, typer.Option("--correction", help="bh, holm or none.")] = "bh",
    texts: TextsOption = None,
    calibration_texts: CalibrationTextsOption = None,
    params: ParamOption = None,
    reduce: ReduceOption = "mean",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Write a page for people: verdicts, what they rest on, ROC with its band, distributions, and the caveats."""
    from datagov.storage import replace
    from detectors.assessment.report import page, record
    from detectors.assessment.suspects import assess, open_pair

    if output.suffix != ".html":
        raise ConfigError(f"--output {output}: the page's name ends in .html; its JSON goes beside it")
    pair = open_pair(
        suspects,
        calibration,
        method,
        read_params(params),
        texts=texts,
        calibration_texts=calibration_texts,
        reduce=reduce,
        seed=seed,
    )
    found = assess(pair, alpha=alpha, correction=correction)
    beside = output.with_suffix(".json")
    told = record(found)
    replace(output, page(found).encode())
    replace(beside, json.dumps(terminal.plain(told), ensure_ascii=False, indent=1).encode())
    if as_json:
        terminal.print_json(told)
    else:
        terminal.line(f"wrote {output} and {beside}")
