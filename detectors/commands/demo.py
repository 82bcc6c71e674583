"""`datagov detect demo`: the whole way from a lab to verdicts, against a known truth."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add `demo`."""
    app.command("demo")(demo_command)


def demo_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to make the lab and its scores.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train a small model whose members are known, score texts, give verdicts, and check them against the truth."""
    from detectors.demo import demo

    raise typer.Exit(0 if demo(folder, as_json=as_json) else 1)
