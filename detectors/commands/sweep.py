"""`datagov detect sweep`: one method at many settings, from stored traces."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from datagov import terminal
from datagov.errors import ConfigError
from detectors.commands.settings import FormOption, JsonOption, SeedOption, TextColumnOption

__all__ = ["register"]

StoredModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="NAME", help="Whose traces, where STORE has several: name or its digits."
    ),
]
StoredTokensOption = Annotated[
    int | None, typer.Option("--window-tokens", help="Those in windows of so many tokens.")
]
StoredPolicyOption = Annotated[
    str | None, typer.Option("--window-policy", help="Those in disjoint or first windows.")
]


def register(app: typer.Typer) -> None:
    """Add `sweep`."""
    app.command("sweep")(sweep_command)


def sweep_command(
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="Traces kept by `datagov detect score --traces STORE`.")
    ],
    texts: Annotated[str, typer.Option("--texts", metavar="FILE", help="The texts that were traced.")],
    method: Annotated[str, typer.Option("--method", metavar="NAME", help="See `datagov detect methods`.")],
    values: Annotated[
        list[str],
        typer.Option(
            "--set", metavar="PARAM=A,B,...", help="Values of a parameter; several give all combinations."
        ),
    ],
    labels: Annotated[Path, typer.Option("--labels", metavar="FILE", help="Which texts are members.")],
    label_column: Annotated[
        str, typer.Option("--label-column", metavar="NAME", help="As for `evaluate`.")
    ] = "label",
    frequency: Annotated[
        Path | None, typer.Option("--frequency", metavar="TABLE", help="Token-frequency table, for dc_pdd.")
    ] = None,
    model: StoredModelOption = None,
    window_tokens: StoredTokensOption = None,
    window_policy: StoredPolicyOption = None,
    text_column: TextColumnOption = None,
    form: FormOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Measure every setting of a method without asking the model again, and what choosing the best is worth elsewhere.

    The best of many settings looks better than it is: choose on these texts, and judge others.
    """
    import numpy as np
    import pyarrow as pa

    from detectors.assessment.labels import read_labels
    from detectors.assessment.sweep import grid_of, sweep
    from detectors.membership import method as method_called
    from detectors.scoring import Extras, make_inputs, tracer_from_store
    from detectors.texts import read_texts
    from detectors.trace_sets import Which

    chosen = method_called(method)
    settings = grid_of(chosen, dict(read_values(pair) for pair in values))
    given = read_texts(texts, text_column=text_column, form=form)
    rows = pa.table({"text": np.arange(len(given)), "doc_id": given.doc_id, "id": given.id})
    known = read_labels(labels, rows, column=label_column)
    # A text that stands twice is one document.
    contents = given.content_id.to_pylist()
    first = {content: row for row, content in reversed(list(enumerate(contents)))}
    known[[content is None or first[content] != row for row, content in enumerate(contents)]] = np.nan
    tracer = tracer_from_store(store, given, Which(model, window_tokens, window_policy))
    inputs, _ = make_inputs(tracer, given, [chosen], Extras(frequency=frequency, seed=seed))
    found = sweep(chosen, inputs, settings, known, seed=seed)
    if as_json:
        terminal.print_json(found)
        return
    varied = [name for name in chosen.defaults if len({str(one[name]) for one in settings}) > 1]
    terminal.print_table(
        (*varied, "AUROC", "95 %"),
        [
            (
                *(one["params"][name] for name in varied),
                one["auroc"]["value"],
                f"[{one['auroc']['low']:.3f}, {one['auroc']['high']:.3f}]",
            )
            for one in found["settings"]
        ],
    )
    terminal.line(
        f"{found['members']} members, {found['non_members']} non-members; best {found['best']['auroc']['value']:.3f}, and on documents "
        f"it was not chosen on {found['best_elsewhere']:.3f}"
    )


def read_values(pair: str) -> tuple[str, list[Any]]:
    """Return a parameter and its values; a value is JSON where it is that, else text.

    Raises
    ------
    ConfigError
        It is not PARAM=A,B,...
    """
    name, equals, listed = pair.partition("=")
    if not equals or not name or not listed:
        raise ConfigError(f"--set {pair}: expected PARAM=A,B,..., such as k=0.1,0.2,0.3")
    values: list[Any] = []
    for value in listed.split(","):
        try:
            values.append(json.loads(value))
        except ValueError:
            values.append(value)
    return name, values
