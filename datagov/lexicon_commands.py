"""Commands that make lexicons from lists, say what is in them, and try them on a text."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs; typer passes arguments by name

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datagov import terminal
from datagov.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from datagov.lexicons.lexicon import Lexicon

__all__ = ["register"]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LexiconArgument = Annotated[str, typer.Argument(metavar="LEXICON", help="A lexicon's file, or 'starter'.")]
LISTED = 20
DAYS_A_YEAR = 365.25


def register(app: typer.Typer) -> None:
    """Add `lexicon import`, `lexicon show` and `lexicon find` to the root command."""
    group = typer.Typer(no_args_is_help=True, help="Make lexicons from lists of words, and look into them.")
    group.command("import")(import_command)
    group.command("show")(show_command)
    group.command("find")(find_command)
    app.add_typer(group, name="lexicon")


def import_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="LIST", help="A list, a term a line; a lexicon's file (*.json); or 'starter'."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", metavar="FILE", dir_okay=False, help="The lexicon's file (*.json).")
    ],
    kind: Annotated[str, typer.Option(help="sexhatelex, ldnoobw or plain.")] = "plain",
    category: Annotated[str, typer.Option(help="Of terms that name none.")] = "unsorted",
    weight: Annotated[str, typer.Option(help="Of terms that name none.")] = "1",
    fewest_chars: Annotated[int, typer.Option("--min-chars", min=1, help="Drop shorter terms.")] = 1,
    dated: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="When the list was last revised.")
    ] = None,
    allow: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Phrases to pass over, one a line, such as 妈妈的.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the lexicon; default: that of the file.")] = None,
    add: Annotated[bool, typer.Option("--add", help="Keep the terms that FILE has already.")] = False,
    traditional: Annotated[
        bool,
        typer.Option(
            "--traditional/--no-traditional", help="Find terms in traditional characters too (needs OpenCC)."
        ),
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a lexicon from a list: corrupt entries are dropped and told, changed content is a new version."""
    from datagov.edits.simplify import counterparts
    from datagov.lexicons.file import STARTER, read_lexicon, starter, write_lexicon
    from datagov.lexicons.lists import KINDS, joined, read_list

    if kind not in KINDS:
        raise ConfigError(f"--kind: there is no kind {kind!r}. {did_you_mean(kind, KINDS)}")
    before = read_lexicon(output, by_hand=True) if output.exists() else None
    phrases = [term.text for term in read_list(allow).terms] if allow is not None else []
    dropped: list[dict[str, Any]] = []
    if source == STARTER or source.endswith(".json"):
        given = starter() if source == STARTER else read_lexicon(Path(source), by_hand=True)
        terms, sources = given.terms, given.sources
        phrases = [*given.allow, *phrases]
    else:
        read = read_list(
            Path(source), kind=kind, category=category, weight=weight, fewest_chars=fewest_chars, dated=dated
        )
        terms, sources = read.terms, (read.source,)
        dropped = [asdict(each) for each in read.dropped]
    made, again = joined(
        before,
        name or (before.name if before is not None else output.stem),
        terms,
        sources,
        allow=phrases,
        add=add,
        today=datetime.now(UTC).date().isoformat(),
        counterparts=counterparts if traditional else lambda _: "",
    )
    if not dry_run:
        write_lexicon(output, made)
    record = {
        **summary(made),
        "read": len(terms),
        "dropped": dropped,
        "there_already": [term.text for term in again],
        "changed": before is None or made.version != before.version,
        "written": None if dry_run else str(output),
    }
    if as_json:
        terminal.print_json(record)
        return
    print_summary(made)
    for each in dropped[:LISTED]:
        terminal.line(f"dropped line {each['line']}: {each['reason']}")
    if len(dropped) > LISTED:
        terminal.line(f"dropped {len(dropped) - LISTED} more; --json lists them all")
    if again:
        terminal.line(f"{len(again)} terms were there already, and stay as they were")
    written = "nothing written" if dry_run else f"written to {output}"
    terminal.line(f"{written}: {len(terms)} terms, {len(dropped)} entries dropped")


def show_command(lexicon: LexiconArgument, as_json: JsonOption = False) -> None:
    """Say what is in a lexicon: terms of each category and length, and the sources with their age."""
    found = named(lexicon)
    if as_json:
        terminal.print_json(summary(found))
    else:
        print_summary(found)


def find_command(
    lexicon: LexiconArgument,
    text: Annotated[str, typer.Argument(help="The text to look into.")],
    foldings: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="What counts as the same; default: all foldings.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the terms of a lexicon in a text, as a filter would, and say where they stand."""
    import pyarrow as pa

    from datagov.lexicons.lexicon import THOUSAND
    from datagov.lexicons.matcher import checked_foldings, matcher_of
    from datagov.text.batch import TextBatch
    from datagov.text.folding import FOLDINGS

    names = tuple(FOLDINGS) if foldings is None else [name for name in foldings.split(",") if name]
    chosen = named(lexicon)
    found = matcher_of(chosen, checked_foldings(names)).find(TextBatch(pa.array([text], pa.large_string())))
    rows = []
    for start, end, at in zip(found.start, found.end, found.term, strict=True):
        term = chosen.terms[at]
        rows.append(
            {
                "start": int(start),
                "end": int(end),
                "text": text[start:end],
                "term": term.text,
                "id": term.id,
                "category": term.category,
                "weight": term.weight / THOUSAND,
            }
        )
    if as_json:
        terminal.print_json(rows)
        return
    columns = ("start", "end", "text", "term", "id", "category", "weight")
    terminal.print_table(columns, [tuple(row.values()) for row in rows])


def named(lexicon: str) -> Lexicon:
    """Return the lexicon of a file, or the one that ships with datagov."""
    from datagov.lexicons.file import STARTER, read_lexicon, starter

    return starter() if lexicon == STARTER else read_lexicon(Path(lexicon))


def summary(lexicon: Lexicon) -> dict[str, Any]:
    """Return what is in a lexicon, as JSON."""
    from datagov.lexicons.lexicon import plain_form

    lengths: dict[int, int] = {}
    for term in lexicon.terms:
        length = len(plain_form(term.text))
        lengths[length] = lengths.get(length, 0) + 1
    return {
        "name": lexicon.name,
        "version": lexicon.version,
        "made": lexicon.made,
        "digest": lexicon.digest,
        "terms": len(lexicon.terms),
        "by_category": lexicon.by_category,
        "by_length": {str(length): lengths[length] for length in sorted(lengths)},
        "variants": sum(len(term.variants) for term in lexicon.terms),
        "allow": len(lexicon.allow),
        "traditional_characters": len(lexicon.traditional) // 2,
        "sources": [{**asdict(source), "age_years": age(source.dated)} for source in lexicon.sources],
    }


def age(dated: str | None) -> float | None:
    """Return how many years ago a list was revised, to one decimal; None where nobody said when."""
    if dated is None:
        return None
    today = datetime.now(UTC).date()
    return round((today - date.fromisoformat(dated)).days / DAYS_A_YEAR, 1)


def print_summary(lexicon: Lexicon) -> None:
    """Print what is in a lexicon."""
    told = summary(lexicon)
    terminal.heading(
        f"{told['name']} (version {told['version']}, made {told['made']}, digest {told['digest'][:12]}): "
        f"{told['terms']} terms"
    )
    terminal.print_table(("category", "terms"), list(told["by_category"].items()))
    lengths = ", ".join(f"{length}: {count}" for length, count in told["by_length"].items())
    terminal.line(f"by length in characters: {lengths}")
    terminal.line(
        f"{told['variants']} variants, {told['allow']} allowed phrases, "
        f"{told['traditional_characters']} traditional characters"
    )
    for source in told["sources"]:
        dated = (
            "of unknown age"
            if source["dated"] is None
            else f"of {source['dated']}, {source['age_years']} years old"
        )
        terms = f"{source['terms']} terms of {source['name']} ({source['licence'] or 'licence not said'}), {dated}"
        terminal.line(f"source: {terms}")
