"""Options that several commands share, and how NAME=VALUE is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from datagov.errors import ConfigError

__all__ = [
    "CalibrationOption",
    "CalibrationTextsOption",
    "DateColumnOption",
    "FormOption",
    "JsonOption",
    "MethodOption",
    "ParamOption",
    "ReduceOption",
    "ScoresArgument",
    "SeedOption",
    "TextColumnOption",
    "TextsOption",
    "listed",
    "read_params",
    "residual_line",
]

ScoresArgument = Annotated[Path, typer.Argument(metavar="SCORES", help="What `datagov detect score` wrote.")]
CalibrationOption = Annotated[
    Path, typer.Option("--calibration", metavar="SCORES", help="Scores of known non-members.")
]
MethodOption = Annotated[
    str, typer.Option("--method", metavar="NAME", help="The one method that is declared; see `methods`.")
]
ParamOption = Annotated[
    list[str] | None,
    typer.Option(
        "--param", metavar="NAME=VALUE", help="A parameter, where SCORES has the method more than once."
    ),
]
ReduceOption = Annotated[
    str,
    typer.Option("--reduce", help="How scores of one document's texts become one: mean, median, max, min."),
]
TextsOption = Annotated[
    str | None,
    typer.Option("--texts", metavar="FILE", help="The texts that were scored, for the blind check."),
]
CalibrationTextsOption = Annotated[
    str | None, typer.Option("--calibration-texts", metavar="FILE", help="Those of the known non-members.")
]
DateColumnOption = Annotated[
    str | None,
    typer.Option(
        "--date-column", metavar="NAME", help="Column of both files of texts that says when each is from."
    ),
]
TextColumnOption = Annotated[
    str | None,
    typer.Option("--text-column", metavar="NAME", help="Column of the texts, as given to `score`."),
]
FormOption = Annotated[
    str | None, typer.Option("--format", metavar="FORM", help="Of the texts' files, as given to `score`.")
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Of folds and permutations.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def listed(names: str) -> tuple[str, ...]:
    """Return the names of a list such as `loss, min_k`."""
    return tuple(name.strip() for name in names.split(",") if name.strip())


def read_params(given: Sequence[str] | None) -> dict[str, Any]:
    """Return NAME=VALUE pairs; a value is JSON where it is that, else text.

    Raises
    ------
    ConfigError
        A pair has no `=`.
    """
    params: dict[str, Any] = {}
    for pair in given or ():
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ConfigError(f"--param {pair}: expected NAME=VALUE, such as k=0.1")
        try:
            params[name] = json.loads(value)
        except ValueError:
            params[name] = value
    return params


def residual_line(residual: Mapping[str, Any]) -> str:
    """Return what is printed of a method's AUROC within strata of the blind score."""
    return (
        f"  among texts that look alike to the blind check: AUROC {residual['auroc']:.3f} [{residual['low']:.3f}, "
        f"{residual['high']:.3f}] ({residual['suspects']} suspects, {residual['non_members']} known non-members in "
        f"{residual['strata']} of 5 strata)"
    )
