"""`datagov detect canary`: give canaries to a corpus, and look for them in the model it made."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from datagov import terminal
from detectors.commands.target_options import (
    AdapterOption,
    ApiOption,
    DeviceOption,
    DtypeOption,
    KeyVariableOption,
    ModelOption,
    TargetOption,
    TokenizerOption,
    opened,
)

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add `canary issue` and `canary exposure`."""
    canary = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Canaries: issued at ingest, looked for in the model.",
    )
    canary.callback()(_door)
    canary.command("issue")(issue_command)
    canary.command("exposure")(exposure_command)
    app.add_typer(canary, name="canary")


def _door() -> None:
    """Give canaries to a corpus, and look for them in the model it made."""


def issue_command(
    output: Annotated[
        Path,
        typer.Option(
            "--output", metavar="FILE", dir_okay=False, help="Shard for the corpus (Parquet); keep a copy."
        ),
    ],
    template: Annotated[
        str | None, typer.Option("--template", help="Sentence, with {} where the number goes.")
    ] = None,
    times: Annotated[str, typer.Option("--times", metavar="N,...", help="Copies of a canary.")] = "1,4,16,64",
    each: Annotated[int, typer.Option("--each", min=1, help="Canaries of each number of copies.")] = 5,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Of the numbers; default drawn by the system.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a shard of canaries: add it to the corpus before training, and keep it to ask the model afterwards."""
    import secrets

    from datagov.errors import ConfigError
    from datagov.storage import encode_table, replace
    from detectors.probes.canaries import TEMPLATE, issue

    parts = [part.strip() for part in times.split(",")]
    if not all(part.isdigit() and int(part) for part in parts):
        raise ConfigError(f"--times {times}: expected whole numbers from 1 up, such as 1,4,16")
    chosen = secrets.randbits(62) if seed is None else seed
    table = issue(template or TEMPLATE, list(map(int, parts)), each, seed=chosen)
    replace(output, encode_table(table))
    if as_json:
        terminal.print_json({"output": str(output), "rows": table.num_rows, "canaries": len(parts) * each})
    else:
        terminal.line(f"wrote {len(parts) * each} canaries in {table.num_rows} rows to {output}")


def exposure_command(
    canaries: Annotated[Path, typer.Argument(metavar="CANARIES", help="What `canary issue` wrote.")],
    target: TargetOption,
    references: Annotated[
        int,
        typer.Option("--references", min=1, help="Numbers of the same generator that were never given out."),
    ] = 1000,
    dtype: DtypeOption = None,
    device: DeviceOption = None,
    tokenizer: TokenizerOption = None,
    adapter: AdapterOption = None,
    model: ModelOption = None,
    api: ApiOption = None,
    key_variable: KeyVariableOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how well a model knows each canary: its rank among numbers that nobody was given.

    Exit code 1 where one has p <= 0.05 after Holm's correction: the model was trained on them.
    """
    from dataclasses import asdict

    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from datagov.errors import InputError
    from datagov.tokenizer import load_tokenizer
    from detectors.probes.canaries import exposures, template_of
    from detectors.probes.canaries import references as others_of
    from detectors.statistics.multiple import adjust

    try:
        table = pq.read_table(canaries)
    except FileNotFoundError:
        raise InputError(
            f"canaries {canaries}: no such file; `datagov detect canary issue` makes one"
        ) from None
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"canaries {canaries}: not a Parquet file ({error})") from error
    template, seed = template_of(table, str(canaries))
    suspect = opened(
        target,
        dtype=dtype,
        device=device,
        tokenizer=tokenizer,
        adapter=adapter,
        model=model,
        api=api,
        key_variable=key_variable,
    )
    words = load_tokenizer(tokenizer or Path(target))
    found = exposures(suspect, words, table, others_of(template, references, seed=seed))
    suspect.confirm()
    adjusted = adjust(np.array([one.p_value for one in found]), "holm")
    rows = [asdict(one) | {"adjusted_p": float(p)} for one, p in zip(found, adjusted, strict=True)]
    known = sum(row["adjusted_p"] <= 0.05 for row in rows)
    if as_json:
        terminal.print_json({"references": references, "known": known, "canaries": rows})
    else:
        columns = ("times", "rank", "exposure", "p_value", "adjusted_p", "logprob", "text")
        ordered = sorted(rows, key=lambda row: row["rank"])
        terminal.print_table(columns, [[row[name] for name in columns] for row in ordered])
        terminal.line(
            f"{known} of {len(rows)} canaries are known (p <= 0.05 after Holm's correction, {references} references)"
        )
    if known:
        raise typer.Exit(1)
