"""`datagov detect report`: an assessment as one HTML page and the JSON beside it."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    read_params,
)

if TYPE_CHECKING:
    from detectors.assessment.drawing import HeatToken
    from detectors.assessment.suspects import Assessment
    from detectors.texts import Texts

__all__ = ["register"]

SHOWN = 5
"""Documents that are shown token by token."""


def register(app: typer.Typer) -> None:
    """Add `report`."""
    app.command("report")(report_command)


def report_command(
    suspects: ScoresArgument,
    calibration: CalibrationOption,
    method: MethodOption,
    output: Annotated[
        Path,
        typer.Option(
            "--output", metavar="FILE.html", dir_okay=False, help="The page; FILE.json goes beside it."
        ),
    ],
    alpha: Annotated[float, typer.Option("--alpha", help="Error rate, as for `verdict`.")] = 0.05,
    correction: Annotated[str, typer.Option("--correction", help="bh, holm or none.")] = "bh",
    texts: TextsOption = None,
    calibration_texts: CalibrationTextsOption = None,
    traces: Annotated[
        Path | None,
        typer.Option(
            "--traces", metavar="STORE", help="Traces of --texts: shows the likeliest members token by token."
        ),
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option("--tokenizer", metavar="PATH", help="The target's tokenizer.json, with --traces."),
    ] = None,
    frequency: Annotated[
        Path | None, typer.Option("--frequency", metavar="TABLE", help="With --traces, for dc_pdd.")
    ] = None,
    params: ParamOption = None,
    text_column: TextColumnOption = None,
    form: FormOption = None,
    date_column: DateColumnOption = None,
    reduce: ReduceOption = "mean",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Write a page for people: verdicts, what they rest on, ROC with its band, distributions, and the caveats."""
    from datagov.storage import replace
    from detectors.assessment.report import page, record
    from detectors.assessment.suspects import assess, open_pair
    from detectors.texts import read_texts

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
        text_column=text_column,
        form=form,
        date_column=date_column,
        seed=seed,
    )
    found = assess(pair, alpha=alpha, correction=correction)
    beside = output.with_suffix(".json")
    told = record(found)
    heat: list[tuple[str, list[HeatToken]]] = []
    meaning = ""
    if traces is not None:
        if texts is None or tokenizer is None:
            raise ConfigError(
                "--traces goes with --texts, which were traced, and --tokenizer, which names their tokens"
            )
        heat, meaning = heat_map(
            found, read_texts(texts, text_column=text_column, form=form), traces, tokenizer, frequency
        )
    replace(output, page(found, heat=heat, heat_meaning=meaning).encode())
    replace(beside, json.dumps(terminal.plain(told), ensure_ascii=False, indent=1).encode())
    if as_json:
        terminal.print_json(told)
    else:
        terminal.line(f"wrote {output} and {beside}")


def heat_map(
    found: Assessment, given: Texts, traces: Path, tokenizer: Path, frequency: Path | None
) -> tuple[list[tuple[str, list[HeatToken]]], str]:
    """Return the suspects with the smallest p-values, token by token, and what the numbers mean.

    Raises
    ------
    ConfigError
        The method's score is not made of tokens, or the tokenizer is not the target's.
    """
    from datagov.tokenizer import load_tokenizer
    from detectors.assessment.drawing import heat_of
    from detectors.membership import method
    from detectors.membership.method import needed
    from detectors.scoring import Extras, make_inputs, tracer_from_store
    from detectors.token_texts import shown_tokens
    from detectors.trace_sets import Which, scored_key

    suspects = found.pair.suspects
    chosen = method(suspects.method)
    if chosen.explain is None:
        raise ConfigError(f"a score of {chosen.name} is not made of tokens; leave out --traces")
    words = load_tokenizer(tokenizer)
    if words.digest != suspects.origin["tokenizer"]:
        raise ConfigError(
            f"{tokenizer} is not the target's tokenizer: {words.digest}, not {suspects.origin['tokenizer']}"
        )
    tracer = tracer_from_store(traces, given, Which(scored_key(suspects.origin)))
    inputs, _ = make_inputs(tracer, given, [chosen], Extras(frequency=frequency))
    told = chosen.explain(inputs, json.loads(suspects.params))
    trace = needed(inputs.plain, "a trace", chosen.name)
    heat = []
    for row in found.verdicts.p.argsort(kind="stable")[:SHOWN]:
        own = slice(trace.offsets[suspects.first[row]], trace.offsets[suspects.first[row] + 1])
        tokens = shown_tokens(words.decode, trace.token_ids_T[own].tolist())
        heat.append((suspects.names[row], heat_of(tokens, told.values_T[own])))
    return heat, told.meaning
