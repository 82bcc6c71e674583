"""`datagov detect lab train`: a small model with exactly known members; the others of `lab` are modules of their own."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from datagov import terminal
from detectors.commands.lab_plant import plant_command
from detectors.commands.lab_trials import trials_command

__all__ = ["register"]

TELL_SECONDS = 5.0


def register(app: typer.Typer) -> None:
    """Add `lab train`, `lab plant` and `lab trials`."""
    lab = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Small models with exactly known members."
    )
    lab.callback()(_door)
    lab.command("train")(train_command)
    lab.command("plant")(plant_command)
    lab.command("trials")(trials_command)
    app.add_typer(lab, name="lab")


def _door() -> None:
    """Train small models with exactly known members."""


def train_command(
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="An empty folder for the lab.")],
    corpus: Annotated[
        str | None,
        typer.Option(
            "--corpus", metavar="PATH", help="Texts to divide; default: made by the project itself."
        ),
    ] = None,
    members: Annotated[
        str,
        typer.Option("--members", metavar="TIMES:COUNT,...", help="Members by how often each is repeated."),
    ] = "1:300,4:200,16:100",
    non_members: Annotated[int, typer.Option("--non-members", min=1, help="I.i.d. non-members.")] = 600,
    calibration: Annotated[
        int, typer.Option("--calibration", min=1, help="More of them, for thresholds.")
    ] = 600,
    background: Annotated[
        int, typer.Option("--background", min=1, help="Texts for tokenizer and frequencies.")
    ] = 1500,
    hidden: Annotated[int, typer.Option("--hidden", help="Width of the model, a multiple of 64.")] = 128,
    layers: Annotated[int, typer.Option("--layers", min=1, help="Layers of the model.")] = 4,
    vocabulary: Annotated[int, typer.Option("--vocabulary", min=300, help="Tokens of the tokenizer.")] = 2048,
    boilerplate: Annotated[
        str,
        typer.Option(
            "--boilerplate",
            metavar="COUNT,...",
            help="Training texts that begin with a licence header, with a heading, ...: memorised, and not hidden.",
        ),
    ] = "",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides everything.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print where things are, as JSON.")] = False,
) -> None:
    """Train a small model: members it saw once, four and sixteen times, non-members it never saw, and a date-shifted trap."""
    from datagov.errors import ConfigError
    from detectors.lab.lab_texts import LabSizes
    from detectors.lab.train import LabSettings, train_lab
    from detectors.lab.training import ModelSize
    from detectors.texts import read_texts

    if hidden % 64:
        raise ConfigError(f"--hidden {hidden}: expected a multiple of 64, the width of a head")
    settings = LabSettings(
        sizes=LabSizes(repetitions(members), non_members, calibration, background),
        model=ModelSize(hidden=hidden, layers=layers, inner=3 * hidden, vocabulary=vocabulary),
        seed=seed,
        boilerplate=counts(boilerplate),
    )
    texts = None if corpus is None else read_texts(corpus).strings
    told = time.perf_counter()

    def tell(step: int, steps: int, loss: float) -> None:
        nonlocal told
        if not quiet and (step == steps or time.perf_counter() - told > TELL_SECONDS):
            told = time.perf_counter()
            terminal.note(f"step {step}/{steps}, loss {loss:.3f} nats a token")

    lab = train_lab(output, settings, corpus=texts, told=tell)
    found = {
        "model": str(lab.model),
        "gguf": str(lab.gguf),
        "frequency": str(lab.frequency),
        **{
            name: str(lab.texts(name))
            for name in ("labelled", "members", "non_members", "calibration", "shifted", "trap", "trained")
        },
    }
    if as_json:
        terminal.print_json(found)
    else:
        terminal.print_table(("what", "where"), list(found.items()))


def repetitions(text: str) -> dict[int, int]:
    """Return times -> count.

    Raises
    ------
    ConfigError
        It is not TIMES:COUNT,... with whole numbers from 1 up.
    """
    from datagov.errors import ConfigError

    found: dict[int, int] = {}
    for part in text.split(","):
        times, colon, count = part.strip().partition(":")
        if not (colon and times.isdigit() and count.isdigit() and int(times) and int(count)):
            raise ConfigError(f"--members {text}: expected TIMES:COUNT,... such as 1:300,16:100")
        found[int(times)] = int(count)
    return found


def counts(text: str) -> tuple[int, ...]:
    """Return COUNT,... as numbers.

    Raises
    ------
    ConfigError
        One is no whole number, or there are more than pieces of boilerplate.
    """
    from datagov.errors import ConfigError
    from detectors.lab.boilerplate import BOILERPLATE

    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdigit() for part in parts) or len(parts) > len(BOILERPLATE):
        raise ConfigError(
            f"--boilerplate {text}: expected at most {len(BOILERPLATE)} whole numbers, such as 200,500"
        )
    return tuple(map(int, parts))
