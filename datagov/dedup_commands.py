"""Commands that plan near-duplicate search: its S-curve."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs; typer passes arguments by name

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from datagov import terminal
from datagov.errors import ConfigError

__all__ = ["register"]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add `dedup curve` to the root command."""
    dedup = typer.Typer(no_args_is_help=True, help="Plan near-duplicate search.")
    dedup.command("curve")(curve_command)
    # A group of one command stays a group.
    dedup.callback()(lambda: None)
    app.add_typer(dedup, name="dedup")


def curve_command(
    preset_name: Annotated[
        str | None, typer.Option("--preset", help="Bands and rows of a published corpus.")
    ] = None,
    bands: Annotated[int | None, typer.Option(min=1, help="Bands, together with --rows.")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Rows of a band.")] = None,
    recall: Annotated[float | None, typer.Option(help="Wanted recall in (0, 1), together with --at.")] = None,
    at: Annotated[float | None, typer.Option(help="The Jaccard similarity at which it is wanted.")] = None,
    permutations: Annotated[
        int, typer.Option(min=1, help="Most permutations to spend, with --recall.")
    ] = 128,
    as_json: JsonOption = False,
) -> None:
    """Print how likely near-duplicates of each similarity are to be found (the S-curve).

    Without options: of every preset.
    """
    from datagov.dedup.curve import PRESETS, curve, parameters_for, preset, threshold

    if (
        sum(
            (
                preset_name is not None,
                bands is not None or rows is not None,
                recall is not None or at is not None,
            )
        )
        > 1
    ):
        raise ConfigError("Give one of: --preset, --bands with --rows, --recall with --at.")
    if preset_name is not None:
        chosen = {preset_name: (preset(preset_name).bands, preset(preset_name).rows)}
    elif bands is not None and rows is not None:
        chosen = {"custom": (bands, rows)}
    elif recall is not None and at is not None:
        chosen = {"custom": parameters_for(recall=recall, jaccard=at, max_permutations=permutations)}
    elif (bands, rows, recall, at) != (None, None, None, None):
        raise ConfigError("--bands goes with --rows, and --recall with --at.")
    else:
        chosen = {name: (entry.bands, entry.rows) for name, entry in PRESETS.items()}
    points = {name: curve(*shape) for name, shape in chosen.items()}
    if as_json:
        terminal.print_json(
            [
                {
                    "name": name,
                    "bands": shape[0],
                    "rows": shape[1],
                    "permutations": shape[0] * shape[1],
                    "half_found_at": threshold(*shape),
                    "source": PRESETS[name].source if name in PRESETS else None,
                    "curve": [asdict(point) for point in points[name]],
                }
                for name, shape in chosen.items()
            ]
        )
        return
    for name, shape in chosen.items():
        source = f"; {PRESETS[name].source}" if name in PRESETS else ""
        half = f"half of the pairs found at Jaccard {threshold(*shape):.3f}"
        terminal.line(
            f"{name}: {shape[0]} bands x {shape[1]} rows = {shape[0] * shape[1]} permutations, {half}{source}"
        )
    table = zip(*points.values(), strict=True)
    lines = [(row[0].jaccard, *(f"{point.found:.4f}" for point in row)) for row in table]
    terminal.print_table(("jaccard", *points), lines)
