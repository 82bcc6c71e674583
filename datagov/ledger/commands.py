"""The reading commands: explain, audit, sample, diff."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs; typer passes arguments by name

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datagov import terminal
from datagov.errors import ConfigError

if TYPE_CHECKING:
    from datagov.ledger.console import Result
    from datagov.ledger.queries import Query
    from datagov.ledger.reader import Ledger

__all__ = ["register"]

SQL_ROWS = 1000
LedgerOption = Annotated[
    str, typer.Option("--ledger", metavar="OUT", help="Output folder of a run, or OUT@r1 for one run of it.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the reading commands to the root command."""
    app.command("explain")(explain_command)
    # A query's parameters can be written as options too: they are left in the arguments.
    app.command("audit", context_settings={"ignore_unknown_options": True})(audit_command)
    app.command("sample")(sample_command)
    app.command("diff")(diff_command)


def explain_command(
    document: Annotated[
        str,
        typer.Argument(
            metavar="DOC", help="A doc_id (at least 12 of its 32 digits) or the document's own id."
        ),
    ],
    ledger: LedgerOption = ".",
    as_json: JsonOption = False,
) -> None:
    """Tell the whole life of one document: what each step measured and why it was kept or removed."""
    from datagov.ledger.explain import explain
    from datagov.ledger.explain_text import print_explanation

    told = explain(opened(ledger), document)
    if as_json:
        terminal.print_json(told)
    else:
        print_explanation(told)


def audit_command(
    name: Annotated[str | None, typer.Argument(metavar="NAME|sql", help="A named query, or 'sql'.")] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=VALUE]...|'SELECT ...'",
            help="The query's parameters, NAME=VALUE or --NAME VALUE, or one SQL statement.",
        ),
    ] = None,
    ledger: LedgerOption = ".",
    limit: Annotated[
        int | None, typer.Option(min=1, help=f"Most rows to show; of 'sql', {SQL_ROWS} unless given.")
    ] = None,
    list_queries: Annotated[bool, typer.Option("--list", help="List the named queries.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Answer a named question about a run, or one SQL query over the ledger's views.

    Exit code 1 when the query is an audit that found something (conservation).
    """
    from datagov.ledger.audit_text import print_queries, print_result
    from datagov.ledger.queries import failed, named_query, queries

    if list_queries or name is None:
        print_queries(list(queries().values()), as_json=as_json)
        return
    if name == "sql":
        print_result("sql", *sql_result(ledger, arguments or [], limit or SQL_ROWS), as_json=as_json)
        return
    query = named_query(name)
    opened_ledger, result = query_result(ledger, query, arguments or [], limit)
    shown = result if limit is None else result.first(limit)
    print_result(query.name, opened_ledger, shown, as_json=as_json)
    if failed(result):
        raise typer.Exit(1)


def sql_result(ledger: str, arguments: list[str], limit: int) -> tuple[Ledger, Result]:
    """Run the user's own statement."""
    from datagov.ledger.console import check_reading, select

    if len(arguments) != 1:
        raise ConfigError(
            'Give one SQL statement in quotes, e.g. audit sql "SELECT * FROM decisions LIMIT 5".'
        )
    check_reading(arguments[0])
    opened_ledger = opened(ledger)
    return opened_ledger, select(opened_ledger.connect(), arguments[0], limit=limit)


def query_result(ledger: str, query: Query, arguments: list[str], limit: int | None) -> tuple[Ledger, Result]:
    """Run a named query; `limit` is that of the query, where it has one."""
    from datagov.ledger.queries import bind, run_query

    limited = [f"limit={limit}"] if query.limited and limit is not None else []
    given = bind(query, [*plain_arguments(arguments), *limited])
    opened_ledger = opened(ledger)
    return opened_ledger, run_query(opened_ledger.connect(), query, given)


def plain_arguments(arguments: list[str]) -> list[str]:
    """Return a query's parameters, of which some are written `--NAME VALUE` or `--NAME=VALUE`, as NAME=VALUE."""
    found: list[str] = []
    left = iter(arguments)
    for argument in left:
        if not argument.startswith("--"):
            found.append(argument)
            continue
        name, equals, value = argument.removeprefix("--").partition("=")
        found.append(f"{name}={value if equals else next(left, '')}")
    return found


def sample_command(
    removed_by: Annotated[
        str | None, typer.Option(metavar="RULE|STEP", help="Documents that this rule or step removed.")
    ] = None,
    kept: Annotated[bool, typer.Option("--kept", help="Kept documents instead.")] = False,
    n: Annotated[int, typer.Option("-n", min=1, help="How many documents.")] = 20,
    seed: Annotated[int, typer.Option(help="The same seed draws the same documents.")] = 0,
    chars: Annotated[int, typer.Option(min=0, help="Most characters of each text to show; 0 for all.")] = 400,
    input_path: Annotated[
        Path | None, typer.Option("--input", help="Where the input is now, if it moved.")
    ] = None,
    ledger: LedgerOption = ".",
    as_json: JsonOption = False,
) -> None:
    """Read a seeded sample of removed (or kept) documents, with their texts from the input."""
    from datagov.ledger.sample import sample_kept, sample_removed
    from datagov.ledger.sample_text import print_sample, shortened

    if kept == (removed_by is not None):
        raise ConfigError("Say which documents: either --removed-by RULE_OR_STEP or --kept.")
    found = opened(ledger)
    if removed_by is None:
        drawn = sample_kept(found, n=n, seed=seed, input_path=input_path)
    else:
        drawn = sample_removed(found, removed_by, n=n, seed=seed, input_path=input_path)
    terminal.note(f"{found.title}.")
    if as_json:
        documents = [document | {"text": shortened(document["text"], chars)} for document in drawn.documents]
        terminal.print_json({"run_id": found.run_id, "population": drawn.population, "documents": documents})
    else:
        print_sample(drawn, chars=chars)
    unread = sum(document["text"] is None for document in drawn.documents)
    if unread:
        terminal.note(
            f"{unread} texts are not shown: NULL or not UTF-8, or no longer what the run read (the input changed)."
        )


def diff_command(
    out_a: Annotated[str, typer.Argument(metavar="OUT_A[@RUN]", help="The run to start from.")],
    out_b: Annotated[str, typer.Argument(metavar="OUT_B[@RUN]", help="The run to compare with it.")],
    examples: Annotated[
        int | None, typer.Option(min=0, help="How many changed documents to list; 20 with --all or --json.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every line: all settings, bounds, verdicts and examples.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs: recipe, input, counts, and which bounds made documents change their verdict."""
    from datagov.ledger.diff import diff
    from datagov.ledger.diff_text import print_diff

    if examples is None:
        examples = 20 if everything or as_json else 0
    found = diff(opened(out_a), opened(out_b), examples=examples)
    if as_json:
        terminal.print_json(found)
    else:
        print_diff(found, everything=everything)


def opened(out: str) -> Ledger:
    """Open the ledger a user named."""
    from datagov.ledger.reader import Ledger

    return Ledger.open(out)
