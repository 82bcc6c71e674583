"""`datagov detect score`: membership scores of texts under a target."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datagov import terminal
from datagov.errors import ConfigError
from detectors.commands.settings import listed
from detectors.commands.target_options import (
    AdapterOption,
    ApiOption,
    ConcurrencyOption,
    DeviceOption,
    DtypeOption,
    KeyVariableOption,
    StartTokenOption,
    TargetOption,
    TokenizerOption,
    opened,
    opened_beside,
    warn_of_tolerance,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from detectors.score_table import Chosen
    from detectors.texts import Texts

__all__ = ["register"]

FROM_STORE = "traces:"
TARGETS_ALONE = ("adapter", "revision", "layout", "api", "start_token", "key_variable")
SHARED = ("dtype", "device", "tokenizer", "concurrency")
"""Options that a reference is opened with as well."""


def register(app: typer.Typer) -> None:
    """Add `score`."""
    app.command("score")(score_command)


def score_command(
    target: TargetOption,
    texts: Annotated[
        str, typer.Option("--texts", metavar="PATH", help="Parquet, JSONL or .txt; - for stdin.")
    ],
    methods: Annotated[
        str, typer.Option("--methods", metavar="NAME,...", help="See `datagov detect methods`.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", dir_okay=False, help="Scores, as Parquet.")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="METHOD.PARAM=VALUE", help="A method's parameter. Repeatable."),
    ] = None,
    frequency: Annotated[
        Path | None, typer.Option("--frequency", metavar="TABLE", help="Token-frequency table, for dc_pdd.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option("--reference", metavar="TARGET", help="Reference model, for reference.")
    ] = None,
    non_member_shots: Annotated[
        str | None,
        typer.Option("--non-member-shots", metavar="PATH", help="Pool of shots, for recall, con_recall."),
    ] = None,
    member_shots: Annotated[
        str | None, typer.Option("--member-shots", metavar="PATH", help="Pool of shots, for con_recall.")
    ] = None,
    shots: Annotated[
        int, typer.Option("--shots", min=1, help="Texts drawn from a pool and put before a text.")
    ] = 12,
    traces: Annotated[
        Path | None,
        typer.Option("--traces", metavar="STORE", help="Keep traces here; a stopped run resumes."),
    ] = None,
    window_tokens: Annotated[
        int | None, typer.Option("--window-tokens", help="Most text tokens a window.")
    ] = None,
    window_policy: Annotated[
        str | None, typer.Option("--window-policy", help="disjoint, or first. Default disjoint.")
    ] = None,
    text_column: Annotated[str | None, typer.Option("--text-column", help="Column of the texts.")] = None,
    id_column: Annotated[str | None, typer.Option("--id-column", help="Column of their ids.")] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="parquet, jsonl, text (one), or lines (a text a line).")
    ] = None,
    dtype: DtypeOption = None,
    device: DeviceOption = None,
    tokenizer: TokenizerOption = None,
    adapter: AdapterOption = None,
    revision: Annotated[
        str | None, typer.Option("--revision", help="Snapshot in the local model cache.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="Name of the model, at an endpoint or in a store of several; in a store also its digits.",
        ),
    ] = None,
    api: ApiOption = None,
    start_token: StartTokenOption = None,
    key_variable: KeyVariableOption = None,
    concurrency: ConcurrencyOption = None,
    layout: Annotated[str | None, typer.Option("--layout", help="padded, or packed. Default padded.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of shots and perturbations.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Score texts: higher is more likely a member. What a score is worth, `evaluate` and `verdict` say."""
    from datagov.storage import encode_table, replace
    from detectors.score_table import score_table
    from detectors.scoring import Extras, make_inputs, tracer_from_store, tracer_of
    from detectors.targets.opening import OpenOptions, refuse_options
    from detectors.targets.windows import DISJOINT, plan_windows
    from detectors.texts import read_texts
    from detectors.trace_sets import Which

    chosen = chosen_methods(methods, parameters or ())
    given = read_texts(texts, text_column=text_column, id_column=id_column, form=form)
    progress = Progress(quiet=quiet)
    asked: dict[str, Any] = {
        "dtype": dtype,
        "device": device,
        "tokenizer": tokenizer,
        "adapter": adapter,
        "revision": revision,
        "model": model,
        "api": api,
        "start_token": start_token,
        "key_variable": key_variable,
        "layout": layout,
        "concurrency": concurrency,
    }
    if target.startswith(FROM_STORE):
        refuse_options(
            OpenOptions(**asked),
            TARGETS_ALONE if reference else (*TARGETS_ALONE, *SHARED),
            f"is for a model that is asked, and {target} holds traces that are made; leave it out, and choose among traces "
            "of several kinds by --model, --window-tokens and --window-policy",
        )
        which = Which(model, window_tokens, window_policy)
        tracer = tracer_from_store(Path(target.removeprefix(FROM_STORE)), given, which)
    else:
        held = opened(target, **asked)
        warn_of_tolerance(held)
        plan = plan_windows(held, window_tokens=window_tokens, policy=window_policy or DISJOINT)
        tracer = tracer_of(held, plan, store=traces, advance=progress.advance)
    other = None
    if reference is not None:
        judge = opened_beside(
            reference, dtype=dtype, device=device, tokenizer=tokenizer, concurrency=concurrency
        )
        warn_of_tolerance(judge)
        # The same windows, or the difference would be one of contexts.
        cut = plan_windows(judge, window_tokens=tracer.plan.window_tokens, policy=tracer.plan.policy)
        other = tracer_of(judge, cut, store=traces, advance=progress.advance)
    pools = {"non_member": non_member_shots, "member": member_shots}
    extras = Extras(
        frequency=frequency,
        reference=other,
        pools={role: read_texts(place).strings for role, place in pools.items() if place is not None},
        shots=shots,
        seed=seed,
    )
    inputs, plain = make_inputs(tracer, given, [one.method for one in chosen], extras)
    table = score_table(given, tracer, chosen, inputs, plain, extras)
    progress.finish()
    if output is not None:
        replace(output, encode_table(table))
        if traces is not None and tracer.target is not None:
            terminal.note(f"traces of {len(given)} texts are kept in {traces}")
    show(table, given, chosen, output, as_json=as_json)


class Progress:
    """Says on stderr how far tracing is."""

    def __init__(self, *, quiet: bool) -> None:
        import time

        self._quiet, self._tokens = quiet, 0
        self._clock = time.perf_counter
        self._started = self._told = self._clock()

    def advance(self, tokens: int) -> None:
        """So many text tokens more are traced."""
        self._tokens += tokens
        if not self._quiet and self._clock() - self._told > 5.0:
            self._told = self._clock()
            terminal.note(
                f"traced {self._tokens:,} tokens, {self._tokens / (self._told - self._started):,.0f} a second"
            )

    def finish(self) -> None:
        """Say how many it were."""
        if not self._quiet and self._tokens:
            terminal.note(f"traced {self._tokens:,} tokens in {self._clock() - self._started:.1f} s")


def chosen_methods(names: str, settings: list[str] | tuple[str, ...]) -> list[Chosen]:
    """Return the methods by name with their parameters.

    Raises
    ------
    ConfigError
        An unknown method or parameter, or a setting that is not METHOD.PARAM=VALUE.
    """
    import yaml

    from detectors.membership import method, resolve_params
    from detectors.score_table import Chosen

    wanted = listed(names)
    if not wanted:
        raise ConfigError(
            "--methods is empty; expected names such as dc_pdd,min_k (see `datagov detect methods`)"
        )
    given: dict[str, dict[str, Any]] = {name: {} for name in wanted}
    for setting in settings:
        place, equals, value = setting.partition("=")
        name, dot, parameter = place.partition(".")
        if not (equals and dot and parameter) or name not in given:
            raise ConfigError(
                f"--set {setting}: expected METHOD.PARAM=VALUE with a method of --methods, e.g. min_k.k=0.1"
            )
        try:
            given[name][parameter] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {setting}: {value!r} is no value; expected e.g. 0.1 or text") from error
    return [Chosen(method(name), resolve_params(method(name), params)) for name, params in given.items()]


def show(table: pa.Table, texts: Texts, chosen: list[Chosen], output: Path | None, *, as_json: bool) -> None:
    """Print the scores of a few texts, or a summary of many."""
    import numpy as np

    shown = ("text", "id", "method", "score", "reason", "tokens")
    if as_json:
        terminal.print_json(table.select([*shown, "params", "details"]).to_pylist())
        return
    if output is None:
        rows = table.select(shown).to_pylist()
        terminal.print_table(shown, [tuple(row.values()) for row in rows])
        return
    summary, reasons = [], table.column("reason").to_pylist()
    scores = (
        table.column("score").to_numpy().reshape(len(texts), len(chosen))
        if len(texts)
        else np.empty((0, len(chosen)))
    )
    for place, one in enumerate(chosen):
        known = scores[:, place][np.isfinite(scores[:, place])]
        middle = float(np.median(known)) if len(known) else None
        why = Counter(reason for reason in reasons[place :: len(chosen)] if reason is not None)
        told = ", ".join(f"{reason} {count}" for reason, count in why.most_common())
        summary.append((one.method.name, len(texts), len(known), len(texts) - len(known), middle, told))
    terminal.print_table(("method", "texts", "scored", "without", "median", "why without"), summary)
    terminal.line(f"wrote {output}")
