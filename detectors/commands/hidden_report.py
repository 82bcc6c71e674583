"""`datagov detect hidden-report`: findings as a page for people."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from datagov import terminal
from datagov.errors import ConfigError
from detectors.commands.findings_files import read_findings, read_trials
from detectors.commands.hidden_verdict import SiblingOption, StatisticOption, say

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add `hidden-report`."""
    app.command("hidden-report")(hidden_report_command)


def hidden_report_command(
    findings: Annotated[
        Path, typer.Argument(metavar="FINDINGS", help="What `datagov detect join` or `fingerprint` wrote.")
    ],
    output: Annotated[Path, typer.Option("--output", metavar="FILE.html", dir_okay=False, help="The page.")],
    tokenizer: Annotated[
        Path | None,
        typer.Option("--tokenizer", metavar="PATH", help="The model's, to show tokens as text."),
    ] = None,
    trials: Annotated[
        list[Path] | None,
        typer.Option("--trials", metavar="FILE", help="With joined findings: gives the verdict; repeatable."),
    ] = None,
    siblings: SiblingOption = None,
    statistic: StatisticOption = None,
    alpha: Annotated[float, typer.Option("--alpha", help="Error rate, as for `hidden-verdict`.")] = 0.05,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a page with every string, the probability of each token, and what in the corpus explains it."""
    from datagov.storage import replace
    from datagov.tokenizer import load_tokenizer
    from detectors.fingerprint.findings_report import findings_page, shown_strings
    from detectors.fingerprint.probe_record import record_of
    from detectors.fingerprint.verdict import judge

    table = read_findings(findings)
    record = record_of(table, str(findings))
    words = None if tokenizer is None else load_tokenizer(tokenizer)
    if words is not None and table.num_rows and words.digest != table.column("tokenizer")[0].as_py():
        raise ConfigError(f"--tokenizer {tokenizer}: not the tokenizer of the model that was probed")
    verdict = None
    if trials:
        known = read_trials(trials, siblings or ())
        verdict = judge(table, record, known, statistic=statistic, alpha=alpha)
    elif siblings or statistic:
        raise ConfigError("--sibling and --statistic are for a verdict, which --trials gives")
    sentences = [] if verdict is None else say(verdict)
    page = findings_page(table, record, verdict=verdict, sentences=sentences, tokenizer=words)
    replace(output, page.encode())
    if as_json:
        strings = len(shown_strings(table))
        terminal.print_json(
            {
                "output": str(output),
                "strings": strings,
                "verdict": None if verdict is None else verdict.verdict,
            }
        )
    else:
        terminal.line(f"wrote {output}")
