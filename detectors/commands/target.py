"""`datagov detect target`: what a target gives, found out by asking."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datagov import terminal
from detectors.commands.target_options import (
    ApiOption,
    DeviceOption,
    DtypeOption,
    KeyVariableOption,
    ModelOption,
    StartTokenOption,
    warn_of_tolerance,
)

if TYPE_CHECKING:
    from detectors.targets.target import Target

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add `target` and its commands to `detect`."""
    target = typer.Typer(name="target", no_args_is_help=True, help="What a target can be asked.")
    target.callback()(_door)
    target.command("check")(check_command)
    app.add_typer(target)


def check_command(
    spec: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="http(s)://HOST:PORT, a checkpoint's folder, gguf:FILE or ngram:FILE."
        ),
    ],
    tokenizer: Annotated[
        Path | None,
        typer.Option(
            "--tokenizer", metavar="PATH", help="tokenizer.json or its folder; needed for endpoints."
        ),
    ] = None,
    dtype: DtypeOption = None,
    device: DeviceOption = None,
    model: ModelOption = None,
    api: ApiOption = None,
    start_token: StartTokenOption = None,
    key_variable: KeyVariableOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", dir_okay=False, help="Write a row of the table `targets`."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Probe a target: whether its log-probabilities are those of the tokens they stand beside, and what it can be asked.

    Exit code 4 if membership cannot be scored with it.
    """
    from datagov.storage import encode_table, replace
    from detectors.targets.opening import OpenOptions, open_target

    options = OpenOptions(
        dtype=dtype,
        device=device,
        tokenizer=tokenizer,
        model=model,
        api=api,
        start_token=start_token,
        key_variable=key_variable,
    )
    target = open_target(spec, options)
    record = _record(spec, target)
    if output is not None:
        from detectors.targets.record import targets_table

        replace(output, encode_table(targets_table([target])))
    if as_json:
        terminal.print_json(record)
    else:
        _print(record)
    warn_of_tolerance(target)
    if target.capabilities.prompt_logprobs != "exact":
        raise typer.Exit(4)


def _door() -> None:
    """Find out what a target can be asked."""


def _record(spec: str, target: Target) -> dict[str, Any]:
    """Return the capability record; a target in this process has no checks, nothing stands between it and us."""
    from dataclasses import asdict

    conformance = getattr(target, "conformance", None)
    if conformance is not None:
        return {"target": spec, **asdict(target.facts), **conformance.record()}
    facts = {**asdict(target.capabilities), "statistics": sorted(target.capabilities.statistics)}
    return {"target": spec, **asdict(target.facts), **facts, "checks": []}


def _print(record: dict[str, Any]) -> None:
    facts = {name: value for name, value in record.items() if name != "checks"}
    terminal.print_table(
        ["what", "found"],
        [
            [name.replace("_", " "), ", ".join(value) if isinstance(value, list) else value]
            for name, value in facts.items()
        ],
    )
    if record["checks"]:
        terminal.line()
        terminal.print_table(
            ["check", "outcome", "detail"],
            [[check["name"], check["outcome"], check["detail"]] for check in record["checks"]],
        )
    if record.get("verified_live") is False:
        terminal.note(
            f"The convention {record['convention']} was written from documentation and never run against its engine; "
            "the checks above are of this endpoint."
        )
