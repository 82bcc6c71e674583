"""The door of the detection wing: `datagov detect ...`."""

from __future__ import annotations

from importlib import import_module

import typer

from detectors.commands import MODULES

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add `detect` and its commands to the root command."""
    detect = typer.Typer(
        name="detect",
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Was this text in the training data? Does this model hide text?",
    )
    detect.callback()(_door)
    for module in MODULES:
        import_module(f"detectors.commands.{module}").register(detect)
    app.add_typer(detect, name="detect")


def _door() -> None:
    """Score membership and probe models for hidden text."""
