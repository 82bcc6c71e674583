"""`datagov detect fingerprint`: force every token of the vocabulary and read what follows."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datagov import terminal
from datagov.errors import ConfigError
from detectors.commands.target_options import (
    AdapterOption,
    ApiOption,
    BudgetRequestsOption,
    BudgetTokensOption,
    ConcurrencyOption,
    DeviceOption,
    DtypeOption,
    KeyVariableOption,
    ModelOption,
    TargetOption,
    TokenizerOption,
    opened,
    opened_beside,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from detectors.fingerprint.probe import Probed

__all__ = ["Progress", "first_of", "register", "show_findings"]

SHOWN = 20
MOST_HOURS = 4.0
BLIND_SPOTS = (
    "one-token answers and texts said only after a trigger are not seen by confidence; a model behind a chat-only "
    "endpoint cannot be probed"
)


def register(app: typer.Typer) -> None:
    """Add `fingerprint`."""
    app.command("fingerprint")(fingerprint_command)


def fingerprint_command(
    target: TargetOption,
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="TARGET", help="The model it was made from: ranks by bits over it."),
    ] = None,
    contexts: Annotated[
        str | None, typer.Option("--contexts", metavar="NAME,...", help="bos, none, chat, prefill.")
    ] = None,
    score: Annotated[
        str, typer.Option("--score", help="reference (as published), mean, or log.")
    ] = "reference",
    threshold: Annotated[float | None, typer.Option("--threshold", help="Of the score.")] = None,
    steps: Annotated[int, typer.Option("--steps", help="Tokens that the score looks at.")] = 3,
    tokens: Annotated[int, typer.Option("--tokens", help="Tokens of a finalist's continuation.")] = 64,
    finalists: Annotated[int, typer.Option("--finalists", help="Most finalists a ranking.")] = 512,
    exhaustive: Annotated[
        bool, typer.Option("--exhaustive", help="Continue every seed to the end; gives basin sizes.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", dir_okay=False, help="Findings, as Parquet; also what resumes."
        ),
    ] = None,
    dtype: DtypeOption = None,
    device: DeviceOption = None,
    tokenizer: TokenizerOption = None,
    adapter: AdapterOption = None,
    model: ModelOption = None,
    api: ApiOption = None,
    key_variable: KeyVariableOption = None,
    concurrency: ConcurrencyOption = None,
    budget_requests: BudgetRequestsOption = None,
    budget_tokens: BudgetTokensOption = None,
    rows: Annotated[
        int | None, typer.Option("--rows", min=1, help="Seeds of a step; default by device.")
    ] = None,
    max_hours: Annotated[
        float | None, typer.Option("--max-hours", help=f"Refuse a longer run; default {MOST_HOURS:g}.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would need.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Force every token after each context and list what the model is sure of, or surer of than its base.

    A finding is not a verdict: without a corpus every finding is unresolved (tier U).
    """
    from detectors.fingerprint.probe import prepare, probe
    from detectors.fingerprint.pruning import rule_of
    from detectors.fingerprint.sweep import Settings
    from detectors.targets.http.budget import Budget
    from detectors.targets.http.target import HttpTarget
    from detectors.targets.opening import kind_of

    if min(tokens, finalists) < 1 or tokens < steps:
        raise ConfigError(
            f"--tokens {tokens}, --finalists {finalists}: expected at least 1, and --tokens >= --steps"
        )
    settings = Settings(
        rule=rule_of(score, steps=steps, threshold=threshold),
        long_steps=tokens,
        finalists=finalists,
        exhaustive=exhaustive,
        rows=rows,
    )
    names = None if contexts is None else [name.strip() for name in contexts.split(",") if name.strip()]
    remote = kind_of(target) == "http"
    _refuse_strays(remote=remote, local=(rows, max_hours), budgets=(budget_requests, budget_tokens))
    suspect = opened(
        target,
        dtype=dtype,
        device=device,
        tokenizer=tokenizer,
        adapter=adapter,
        model=model,
        api=api,
        key_variable=key_variable,
        concurrency=concurrency,
    )
    other = (
        None
        if base is None
        else opened_beside(base, dtype=dtype, device=device, tokenizer=tokenizer, concurrency=concurrency)
    )
    if isinstance(suspect, HttpTarget):
        from detectors.commands.fingerprint_remote import force_endpoint

        assert tokenizer is not None, "an endpoint is not opened without one"
        force_endpoint(
            suspect,
            other,
            names,
            settings,
            tokenizer,
            budget=Budget(budget_requests, budget_tokens, kept=output),
            output=output,
            dry_run=dry_run,
            quiet=quiet,
            as_json=as_json,
        )
        return
    hours = MOST_HOURS if max_hours is None else max_hours
    plan = prepare(suspect, other, names, settings, most_hours=hours)
    if not quiet:
        terminal.note(
            f"{plan.estimate.seeds:,} seeds in {len(plan.contexts)} contexts: about {plan.estimate.seconds:,.0f} s and "
            f"{plan.estimate.bytes / 1e6:,.0f} MB beside the weights"
        )
    if dry_run:
        terminal.print_json(plan.record())
        return
    progress = Progress(plan.estimate.seeds * len(plan.contexts), quiet=quiet)
    found = probe(plan, output, advance=progress.advance)
    show(found, output, as_json=as_json)


def _refuse_strays(
    *, remote: bool, local: tuple[int | None, float | None], budgets: tuple[int | None, int | None]
) -> None:
    """Refuse options that a target of this kind does not heed; `local`: rows and hours."""
    for name, value in zip(("--rows", "--max-hours"), local, strict=True):
        if remote and value is not None:
            raise ConfigError(
                f"{name} is for checkpoints on this machine; an endpoint is asked by --concurrency and within --budget-tokens"
            )
    if not remote and any(budgets):
        raise ConfigError("--budget-requests and --budget-tokens are for endpoints")


class Progress:
    """Says on stderr how far the first phase is and how long it still needs."""

    def __init__(self, seeds: int, *, quiet: bool) -> None:
        import time

        self._seeds, self._quiet, self._done = seeds, quiet, 0
        self._clock = time.perf_counter
        self._started = self._told = self._clock()

    def advance(self, seeds: int) -> None:
        """So many seeds more are forced."""
        self._done += seeds
        now = self._clock()
        if self._quiet or now - self._told < 5.0:
            return
        self._told = now
        left = (self._seeds - self._done) * (now - self._started) / self._done
        terminal.note(f"forced {self._done:,} of {self._seeds:,} seeds, about {left:,.0f} s left")


def show(found: Probed, output: Path | None, *, as_json: bool) -> None:
    """Print what was found: the summary, and the first of each ranking."""
    if as_json:
        terminal.print_json(found.record() | {"findings": first_of(found.table)})
        return
    show_findings(found.curves, found.table, found.plan.settings.rule.steps, output)


def show_findings(
    curves: list[tuple[str, tuple[int, ...], int]], table: pa.Table, steps: int, output: Path | None
) -> None:
    """Print how many seeds stayed alive, and the first of each ranking."""
    terminal.print_table(
        (
            "context",
            "seeds",
            *(f"alive after {step}" for step in range(1, steps + 1)),
            "finalists",
        ),
        [(name, *alive, count) for name, alive, count in curves],
    )
    terminal.line()
    columns = (
        "score_rank",
        "bits_rank",
        "context",
        "seed_name",
        "score",
        "bits",
        "stops",
        "loop_count",
        "entries",
        "string",
    )
    terminal.print_table(columns, [[row[name] for name in columns] for row in first_of(table)])
    terminal.note(f"Not seen by design: {BLIND_SPOTS}.")
    if output is not None:
        terminal.line(f"wrote {output}")


def first_of(table: pa.Table) -> list[dict[str, Any]]:
    """Return the best finding of each string that is among the first of a ranking, by its better rank; with `entries`."""
    from detectors.fingerprint.distinct import one_a_string

    rows = table.to_pylist()
    last = len(rows) + 1
    shown: set[str] = set()
    for name in ("score_rank", "bits_rank"):
        ranked = [row for row in rows if row[name] is not None]
        shown.update(row["string"] for row in one_a_string(ranked, itemgetter(name))[:SHOWN])

    def best(row: dict[str, Any]) -> int:
        return min(rank for rank in (row["score_rank"], row["bits_rank"], last) if rank is not None)

    return [row for row in one_a_string(rows, best) if row["string"] in shown]
