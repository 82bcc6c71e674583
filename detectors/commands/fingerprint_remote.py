"""`datagov detect fingerprint` of a model behind an endpoint."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from datagov import terminal
from datagov.errors import ConfigError

if TYPE_CHECKING:
    from detectors.fingerprint.sweep import Settings

__all__ = ["Asked", "force_endpoint"]


@dataclass(frozen=True)
class Asked:
    """What is to be probed, and how."""

    target: str
    base: str | None
    contexts: list[str] | None
    settings: Settings
    tokenizer: Path | None
    model: str | None
    api: str | None
    key_variable: str | None


def force_endpoint(
    asked: Asked,
    limits: tuple[int, int | None, int | None],
    output: Path | None,
    *,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Ask an endpoint about every token that it can be asked about; `limits`: requests at once, requests and tokens in all.

    Raises
    ------
    ConfigError
        The endpoint is not testable, or an option does not fit.
    PartialRun
        The budget is spent.
    """
    from detectors.commands.fingerprint import Progress, first_of, show_findings
    from detectors.commands.target_options import opened
    from detectors.fingerprint.remote import probe_remote
    from detectors.fingerprint.remote_plan import prepare_remote
    from detectors.targets.http.budget import Budget
    from detectors.targets.http.client import Limits
    from detectors.targets.http.target import check_endpoint
    from detectors.targets.opening import OpenOptions

    if asked.tokenizer is None:
        raise ConfigError(
            f"--target {asked.target}: name the model's tokenizer, --tokenizer FOLDER or tokenizer.json"
        )
    concurrency, requests, tokens = limits
    options = OpenOptions(
        tokenizer=asked.tokenizer, model=asked.model, api=asked.api, key_variable=asked.key_variable
    )
    target = check_endpoint(asked.target, options, Limits(concurrency=concurrency))
    try:
        base = None if asked.base is None else opened(asked.base)
        budget = Budget(requests, tokens, kept=output)
        plan = prepare_remote(target, base, asked.contexts, asked.settings, asked.tokenizer, budget)
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
    finally:
        target.close()
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
