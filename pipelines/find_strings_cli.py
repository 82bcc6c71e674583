"""`datagov find-strings`: where strings stand in a corpus."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from datagov import terminal
from datagov.errors import ConfigError

__all__ = ["register"]

SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add `find-strings` to the root command."""
    app.command("find-strings")(find_strings_command)


def find_strings_command(
    strings: Annotated[
        Path,
        typer.Argument(
            metavar="STRINGS", help="Parquet with a column `string`, or a text file: a line each."
        ),
    ],
    place: Annotated[
        str,
        typer.Argument(metavar="RECIPE|INPUT", help="A recipe (its input is searched), or Parquet shards."),
    ],
    output: Annotated[
        Path, typer.Option("--output", metavar="FILE", dir_okay=False, help="What is found (Parquet).")
    ],
    text: Annotated[
        str, typer.Option("--text", help="Column with the text; a recipe names its own.")
    ] = "text",
    source: Annotated[
        str | None, typer.Option("--source", help="Column with the source; a recipe names its own.")
    ] = None,
    work: Annotated[
        Path | None, typer.Option("--work", metavar="DIR", help="What the parts gave; default FILE.parts.")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Processes; default one a CPU.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count the documents and copies of each string, by source, in one pass; stopped, the same command continues."""
    from datagov.string_hits import write_hits
    from pipelines.corpus_scan import RECIPES, open_corpus
    from pipelines.executors import make_executor
    from pipelines.find_strings import find_strings
    from pipelines.input_spec import InputSpec
    from pipelines.lock import output_lock
    from pipelines.progress import Reporter

    is_recipe = place.endswith(RECIPES)
    if is_recipe and (text != "text" or source is not None):
        raise ConfigError("--text, --source: the recipe names its columns; leave the options out")
    corpus = open_corpus(place, None if is_recipe else InputSpec(path=place, text=text, source=source))
    folder = work or output.with_name(f"{output.name}.parts")
    doer = make_executor("local", workers=workers, address=None, shared_filesystem=False)
    try:
        with output_lock(folder, shared=False), Reporter(quiet=quiet) as reporter:
            hits = find_strings(corpus, strings, folder, doer, reporter)
    finally:
        doer.close()
    write_hits(output, hits)
    if hits.set_aside:
        terminal.note(f"{hits.set_aside} document(s) were not searched: no text, not UTF-8, or too long")
    columns = ["string", "source", "documents", "copies"]
    rows = hits.table.select(columns).to_pylist()
    if as_json:
        terminal.print_json(hits.facts() | {"output": str(output)})
        return
    most = sorted(rows, key=lambda row: -row["copies"])[:SHOWN]
    terminal.print_table(columns, [list(row.values()) for row in most])
    terminal.line(f"wrote {output}")
