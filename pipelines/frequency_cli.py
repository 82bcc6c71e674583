"""`datagov frequency`: token-frequency tables, what DC-PDD weighs tokens by."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from datagov import terminal
from datagov.errors import ConfigError

__all__ = ["register"]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OutputOption = Annotated[
    Path, typer.Option("--output", metavar="FILE", dir_okay=False, help="The table (Parquet).")
]


def register(app: typer.Typer) -> None:
    """Add `frequency` and its commands to the root command."""
    frequency = typer.Typer(
        name="frequency", no_args_is_help=True, help="Token-frequency tables of a corpus."
    )
    frequency.callback()(_door)
    frequency.command("build")(build_command)
    frequency.command("add")(add_command)
    frequency.command("drift")(drift_command)
    app.add_typer(frequency, name="frequency")


def build_command(
    place: Annotated[
        str,
        typer.Argument(metavar="RECIPE|INPUT", help="A recipe (its input is counted), or Parquet shards."),
    ],
    tokenizer: Annotated[
        Path, typer.Option("--tokenizer", metavar="PATH", help="tokenizer.json, or a folder that holds it.")
    ],
    output: OutputOption,
    text: Annotated[
        str, typer.Option("--text", help="Column with the text; a recipe names its own.")
    ] = "text",
    token_cap: Annotated[
        int | None, typer.Option("--token-cap", min=1, help="Most tokens counted of a document.")
    ] = None,
    work: Annotated[
        Path | None, typer.Option("--work", metavar="DIR", help="Counts of the parts; default FILE.parts.")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Processes; default one a CPU.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Count the tokens of a corpus; stopped, the same command continues."""
    from datagov.frequency import write_frequency
    from pipelines.corpus_scan import RECIPES, open_corpus
    from pipelines.executors import make_executor
    from pipelines.frequency import build_table
    from pipelines.input_spec import InputSpec
    from pipelines.lock import output_lock
    from pipelines.progress import Reporter

    if text != "text" and place.endswith(RECIPES):
        raise ConfigError("--text: the recipe names the text column; leave the option out")
    corpus = open_corpus(place, None if place.endswith(RECIPES) else InputSpec(path=place, text=text))
    folder = work or output.with_name(f"{output.name}.parts")
    doer = make_executor("local", workers=workers, address=None, shared_filesystem=False)
    try:
        with output_lock(folder, shared=False), Reporter(quiet=quiet) as reporter:
            table = build_table(corpus, tokenizer, folder, doer, reporter, token_cap=token_cap)
    finally:
        doer.close()
    write_frequency(output, table)
    _print(table.facts(), as_json)


def add_command(
    tables: Annotated[list[Path], typer.Argument(metavar="TABLE...", help="Tables of one tokenizer.")],
    output: OutputOption,
    as_json: JsonOption = False,
) -> None:
    """Add tables of different corpora up."""
    from datagov.frequency import add_tables, read_frequency, write_frequency

    table = add_tables([read_frequency(path) for path in tables])
    write_frequency(output, table)
    _print(table.facts(), as_json)


def drift_command(
    before: Annotated[Path, typer.Argument(metavar="BEFORE")],
    after: Annotated[Path, typer.Argument(metavar="AFTER")],
    tokenizer: Annotated[
        Path | None, typer.Option("--tokenizer", metavar="PATH", help="Show the tokens as text.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say how far two corpora differ in their tokens, and in which."""
    from datagov.frequency import drift, read_frequency

    found = drift(read_frequency(before), read_frequency(after))
    if tokenizer is not None:
        from datagov.tokenizer import load_tokenizer

        named = load_tokenizer(tokenizer)
        if named.digest != found["before"]["tokenizer_digest"]:
            raise ConfigError(f"--tokenizer {tokenizer}: the tables were built with another tokenizer")
        for row in found["moved"]:
            row["token"] = named.decode([row["token_id"]])
    if as_json:
        terminal.print_json(found)
        return
    measures = ("total_variation", "jensen_shannon_bits", "unseen_before_fraction", "mean_abs_log_ratio")
    terminal.print_table(["measure", "value"], [[name, found[name]] for name in measures])
    if found["moved"]:
        terminal.line()
        terminal.print_table(list(found["moved"][0]), [list(row.values()) for row in found["moved"]])


def _door() -> None:
    """Count tokens, add counts up, compare them."""


def _print(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        terminal.print_json(facts)
    else:
        terminal.print_table(
            ["what", "value"], [[name, value] for name, value in facts.items() if value != []]
        )
