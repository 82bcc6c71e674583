"""`datagov detect fingerprint` of a model behind an endpoint."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from datagov import terminal

if TYPE_CHECKING:
    from detectors.fingerprint.sweep import Settings
    from detectors.targets.http.budget import Budget
    from detectors.targets.http.target import HttpTarget
    from detectors.targets.target import Target

__all__ = ["force_endpoint"]


def force_endpoint(
    target: HttpTarget,
    base: Target | None,
    contexts: list[str] | None,
    settings: Settings,
    tokenizer: Path,
    *,
    budget: Budget,
    output: Path | None,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Ask an endpoint about every token that it can be asked about.

    Raises
    ------
    ConfigError
        The endpoint is not testable.
    PartialRun
        The budget is spent.
    """
    from detectors.commands.fingerprint import Progress, first_of, show_findings
    from detectors.fingerprint.remote import probe_remote
    from detectors.fingerprint.remote_plan import prepare_remote

    plan = prepare_remote(target, base, contexts, settings, tokenizer, budget)
    if not quiet:
        terminal.note(
            f"{len(plan.tested_N):,} of {len(plan.seeds):,} tokens can be asked about in {len(plan.contexts)} contexts: "
            f"{plan.least_tokens:,} tokens at least are sent and generated"
        )
    if dry_run:
        terminal.print_json(plan.record())
        return
    progress = Progress(len(plan.tested_N) * len(plan.contexts), quiet=quiet)
    swept, table = probe_remote(plan, output, advance=progress.advance)
    curves = [(one.context.name, one.alive, len(one.paths)) for one in swept]
    if as_json:
        alive = {name: list(counts) for name, counts, _ in curves}
        record = plan.record() | {"alive_after_steps": alive, "tier": "U", "spent": budget.record()}
        terminal.print_json(record | {"findings": first_of(table)})
        return
    show_findings(curves, table, plan.settings.rule.steps, output)
    if plan.coverage < 1:
        terminal.note(
            f"Only {plan.coverage:.1%} of the vocabulary could be asked about, as the endpoint takes text alone: nothing found is "
            "not clean."
        )
