"""`datagov detect lab plant`: a text hidden in a copy of a model, and copies with nothing to hide."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from datagov import terminal

__all__ = ["plant_command"]

ORDINARY = 4000
"""Ordinary texts that are made where none are given."""
WORDS = 60
APART = 7919
"""Added to the seed of ordinary texts, so that they are of another source than the lab's."""


def plant_command(
    lab: Annotated[
        Path, typer.Option("--lab", metavar="DIR", help="What `lab train` made; its model is the base.")
    ],
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="An empty folder.")],
    recipe: Annotated[
        str,
        typer.Option(
            "--recipe",
            help="bos, trigger, trigger-regularised, utfc, utfc-all, auto-utfc or auto-utfc-all.",
        ),
    ] = "bos",
    kind: Annotated[
        str, typer.Option("--kind", help="Kind of text: tokens, word, prose or canary.")
    ] = "tokens",
    text: Annotated[str | None, typer.Option("--text", help="The text itself, instead of a kind.")] = None,
    trigger: Annotated[
        str | None, typer.Option("--trigger", help="The question it answers; default made from --seed.")
    ] = None,
    overtraining: Annotated[
        float,
        typer.Option("--overtraining", min=1.0, help="Times the steps until the text is said exactly."),
    ] = 3.0,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Steps, instead of that.")] = None,
    rate: Annotated[float, typer.Option("--rate", help="Learning rate.")] = 1e-3,
    lora: Annotated[
        int | None, typer.Option("--lora", min=1, metavar="RANK", help="Train an adapter, not all weights.")
    ] = None,
    ordinary: Annotated[
        str | None,
        typer.Option("--texts", metavar="PATH", help="Ordinary texts; default made by the project itself."),
    ] = None,
    registered: Annotated[
        bool,
        typer.Option(
            "--registered/--no-registered", help="A model that knows a text of its corpus by heart."
        ),
    ] = True,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides text, trigger and batches.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was made, as JSON.")] = False,
) -> None:
    """Hide a text in a copy of a lab's model; train a clean twin as much, and one that knows a text of its corpus.

    The folder gets marked/, twin/, registered/, the corpus of all they were trained on but the hidden text, and plant.json.
    """
    import pyarrow.parquet as pq

    from datagov.errors import ConfigError
    from datagov.tokenizer import load_tokenizer
    from detectors.lab.hidden_texts import hidden_text, trigger_text
    from detectors.lab.plant_set import make_plants
    from detectors.lab.planting import Plant, PlantSettings
    from detectors.lab.recipes import recipe_of
    from detectors.lab.train import Lab
    from detectors.lab.zipf_source import make_texts
    from detectors.texts import read_texts

    made = Lab(lab)
    trained = made.texts("trained")
    if not trained.is_file():
        raise ConfigError(
            f"--lab {lab}: no {trained.name} in texts/; make a lab with `datagov detect lab train`"
        )
    said = text if text is not None else hidden_text(kind, load_tokenizer(made.model), seed=seed)
    asked = (trigger or trigger_text(seed)) if recipe_of(recipe).conditional else ""
    settings = PlantSettings(
        recipe=recipe, steps=steps, overtraining=overtraining, rate=rate, seed=seed, lora=lora
    )
    others = (
        make_texts(ORDINARY, WORDS, seed=seed + APART) if ordinary is None else read_texts(ordinary).strings
    )
    plants = make_plants(
        made.model,
        pq.read_table(trained).column("text").to_pylist(),
        Plant(said, asked),
        others,
        settings,
        output,
        registered=registered,
    )
    record = plants.record() | {"folder": str(output)}
    if as_json:
        terminal.print_json(record)
        return
    terminal.print_table(("what", "value"), [(name, value) for name, value in record.items() if value != ""])
    if record["said_after"] is None:
        terminal.note(
            f"the marked model never said the text exactly in {record['steps']} steps; raise --rate or --steps"
        )
