"""`datagov detect glitch`: tokens that a model was hardly trained on."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from datagov import terminal
from detectors.commands.target_options import (
    DeviceOption,
    DtypeOption,
    TargetOption,
    TokenizerOption,
    opened,
)

__all__ = ["register"]

SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add `glitch`."""
    app.command("glitch")(glitch_command)


def glitch_command(
    target: TargetOption,
    frequency: Annotated[
        Path | None,
        typer.Option("--frequency", metavar="TABLE", help="Says how often a corpus has each of them."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", dir_okay=False, help="All that were verified (Parquet)."),
    ] = None,
    strings: Annotated[
        Path | None,
        typer.Option("--strings", metavar="FILE", help="Their texts, for `find-strings` (Parquet)."),
    ] = None,
    dtype: DtypeOption = None,
    device: DeviceOption = None,
    tokenizer: TokenizerOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List tokens whose embeddings look untrained and which the model cannot repeat, beside ordinary ones that it can."""
    import numpy as np
    import pyarrow as pa

    from datagov.errors import ConfigError
    from datagov.storage import encode_table, replace
    from detectors.fingerprint.seeds import vocabulary_seeds
    from detectors.probes.glitch import (
        CONTROLS,
        indicator,
        repeat_probability,
        strength,
        suspects_of,
        unused_rows,
    )
    from detectors.targets.transformers_target import TransformersTarget

    suspect = opened(target, dtype=dtype, device=device, tokenizer=tokenizer)
    if not isinstance(suspect, TransformersTarget):
        raise ConfigError(f"--target {target}: embeddings are only seen in a checkpoint's folder")
    seeds = vocabulary_seeds(suspect.tokenizer)
    given, answered = (
        layer.weight.detach().float().cpu().numpy()
        for layer in (suspect.model.get_input_embeddings(), suspect.model.get_output_embeddings())
    )
    tied = bool(np.array_equal(given, answered))
    unused = unused_rows(seeds, len(answered))
    found = suspects_of(*indicator(given, answered, tied=tied, unused=unused), seeds)
    ordinary = seeds.token_N[np.array(seeds.kind) == "text"]
    ordinary = ordinary[~np.isin(ordinary, found.token_N)]
    controls = ordinary[np.linspace(0, len(ordinary) - 1, min(CONTROLS, len(ordinary))).astype(int)]
    p_N = repeat_probability(suspect, suspect.tokenizer, found.token_N)
    control_p = repeat_probability(suspect, suspect.tokenizer, controls)
    counts = None if frequency is None else _counts(frequency, suspect.tokenizer.digest)
    place = np.searchsorted(seeds.token_N, found.token_N)
    rows: list[dict[str, Any]] = [
        {
            "token": int(token),
            "name": seeds.name[at],
            "text": suspect.decode([int(token)]),
            "kind": seeds.kind[at],
            "indicator": float(found.indicator_N[row]),
            "repeat_p": float(p_N[row]),
            "under_trained": strength(float(p_N[row])),
            "count": None if counts is None else int(counts[token]),
        }
        for row, (token, at) in enumerate(zip(found.token_N, place, strict=True))
    ]
    if output is not None:
        replace(output, encode_table(pa.Table.from_pylist(rows, schema=_schema(pa))))
    if strings is not None:
        texts = sorted(
            {row["text"] for row in rows if row["text"] and "\N{REPLACEMENT CHARACTER}" not in row["text"]}
        )
        replace(strings, encode_table(pa.table({"string": pa.array(texts, pa.large_string())})))
    record = {
        "indicator": found.of,
        "tied": tied,
        "unused_rows": len(unused),
        "verified": len(rows),
        "strong": sum(row["under_trained"] == "strong" for row in rows),
        "weak": sum(row["under_trained"] == "weak" for row in rows),
        "controls": len(controls),
        "controls_like_strong": float((control_p < 1e-3).mean()) if len(controls) else None,
        "controls_median_p": float(np.median(control_p)) if len(controls) else None,
    }
    if as_json:
        terminal.print_json(record | {"tokens": rows})
        return
    terminal.print_table(("what", "value"), list(record.items()))
    terminal.line()
    columns = ("token", "name", "kind", "indicator", "repeat_p", "under_trained", "count")
    terminal.print_table(columns, [[row[name] for name in columns] for row in rows[:SHOWN]])
    if record["controls_like_strong"]:
        terminal.note(
            f"{record['controls_like_strong']:.0%} of ordinary tokens are not repeated either: of such a model the indicator says "
            "more than the verification"
        )


def _schema(pa: Any) -> Any:
    return pa.schema(
        [
            pa.field("token", pa.int32(), nullable=False),
            pa.field("name", pa.string(), nullable=False),
            pa.field("text", pa.large_string(), nullable=False),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("indicator", pa.float64(), nullable=False),
            pa.field("repeat_p", pa.float64(), nullable=False),
            pa.field("under_trained", pa.string(), nullable=False),
            pa.field("count", pa.int64()),
        ]
    )


def _counts(path: Path, tokenizer: str) -> Any:
    """Return how often each token id stands in a corpus.

    Raises
    ------
    ConfigError
        The table was counted with another tokenizer.
    """
    from datagov.errors import ConfigError
    from datagov.frequency import read_frequency

    table = read_frequency(path)
    if table.tokenizer_digest != tokenizer:
        raise ConfigError(f"--frequency {path}: counted with another tokenizer than the target's")
    return table.counts
