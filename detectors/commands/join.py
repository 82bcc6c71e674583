"""`datagov detect probe-strings` and `join`: whether a corpus explains what a model knows by heart."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datagov import terminal
from datagov.errors import ConfigError
from detectors.commands.hidden_verdict import bits_of_trials

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["register"]

SHOWN = 20
TIERS = {
    "A": "not explained by this corpus, and looped, sure in a part and stopped at its end, or beyond the base by more bits than asked",
    "B": "not explained by this corpus",
    "C": "in this corpus",
    "D": "known to the base as well",
    "U": "unresolved: nothing said after the forced token, or no text that could be searched",
}

FindingsArgument = Annotated[
    Path, typer.Argument(metavar="FINDINGS", help="What `datagov detect fingerprint` wrote.")
]


def register(app: typer.Typer) -> None:
    """Add `probe-strings` and `join`."""
    app.command("probe-strings")(probe_strings_command)
    app.command("join")(join_command)


def probe_strings_command(
    findings: FindingsArgument,
    output: Annotated[
        Path, typer.Option("--output", metavar="FILE", dir_okay=False, help="The strings (Parquet).")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write the strings of findings, and pieces of them, for `datagov find-strings`."""
    from datagov.storage import encode_table, replace
    from detectors.fingerprint.corpus_join import probe_strings

    if output.resolve() == findings.resolve():
        raise ConfigError(f"--output {output}: holds the findings, which it would replace; name another file")
    strings = probe_strings(_findings(findings))
    replace(output, encode_table(strings))
    if as_json:
        terminal.print_json({"strings": len(strings), "output": str(output)})
    else:
        terminal.line(f"wrote {len(strings):,} strings to {output}")


def join_command(
    findings: FindingsArgument,
    hits: Annotated[
        Path, typer.Option("--hits", metavar="FILE", help="What `datagov find-strings` found of the strings.")
    ],
    output: Annotated[
        Path, typer.Option("--output", metavar="FILE", dir_okay=False, help="Findings with tiers (Parquet).")
    ],
    least_bits: Annotated[
        float | None,
        typer.Option("--bits", help="Bits over the base that clean models of the kind do not reach."),
    ] = None,
    bits_from: Annotated[
        list[Path] | None,
        typer.Option("--bits-from", metavar="TRIALS", help="Take --bits from clean models; repeatable."),
    ] = None,
    alpha: Annotated[
        float, typer.Option("--alpha", help="Share of clean models that may exceed it, with --bits-from.")
    ] = 0.05,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say of each finding whether a corpus explains it, and with which source.

    Exit code 1 where something is unexplained (tier A or B).
    """
    from datagov.storage import encode_table, replace
    from datagov.string_hits import read_hits
    from detectors.fingerprint.corpus_join import join

    table = _findings(findings)
    if bits_from:
        if least_bits is not None:
            raise ConfigError("--bits and --bits-from both say where bits begin to count; give one of them")
        least_bits = bits_of_trials(bits_from, table, str(findings), alpha)
        terminal.note(f"clean models have at most {least_bits:.4g} bits at an error rate of {alpha:g}")
    joined = join(table, read_hits(hits), least_bits=least_bits)
    replace(output, encode_table(joined))
    strings = _strings(joined)
    tiers = Counter(row["tier"] for row in strings)
    if as_json:
        terminal.print_json({"tiers": dict(sorted(tiers.items())), "strings": strings, "output": str(output)})
    else:
        columns = (
            "tier",
            "copies",
            "source",
            "unexplained_tokens",
            "unexplained_bits",
            "score",
            "entries",
            "string",
        )
        terminal.print_table(columns, [[row[name] for name in columns] for row in strings[:SHOWN]])
        for tier, count in sorted(tiers.items()):
            terminal.note(f"{tier}: {count} string(s) {TIERS[tier]}")
        terminal.line(f"wrote {output}")
    if tiers["A"] or tiers["B"]:
        raise typer.Exit(1)


def _strings(joined: pa.Table) -> list[dict[str, Any]]:
    """Return one row a distinct string, of its best-ranked finding; unexplained ones first."""
    from detectors.fingerprint.distinct import one_a_string

    names = (
        "tier",
        "string",
        "score_rank",
        "score",
        "bits_rank",
        "bits",
        "copies",
        "documents",
        "source",
        "unexplained_tokens",
        "unexplained_bits",
    )

    def place(row: dict[str, Any]) -> tuple[Any, ...]:
        ranks = (row["score_rank"], row["bits_rank"])
        return (row["tier"], *(len(joined) if rank is None else rank for rank in ranks))

    return one_a_string(joined.select(names).to_pylist(), place)


def _findings(path: Path) -> pa.Table:
    """Return findings as the probe wrote them; an earlier join is left out."""
    from detectors.commands.findings_files import read_findings
    from detectors.tables import FINDINGS

    return read_findings(path).select(FINDINGS.names)
