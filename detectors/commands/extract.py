"""`datagov detect extract`: what a model repeats of a corpus, and of the personal data in it."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datagov import terminal
from datagov.errors import ConfigError
from detectors.commands.extract_spans import read_spans
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
    StartTokenOption,
    TargetOption,
    TokenizerOption,
    opened,
    opened_beside,
)

if TYPE_CHECKING:
    from detectors.probes.extraction import Replayed, Tasks

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add `extract`."""
    app.command("extract")(extract_command)


def extract_command(
    texts: Annotated[
        str, typer.Argument(metavar="TEXTS", help="Texts of the corpus, e.g. a run's kept shard.")
    ],
    target: TargetOption,
    prefix: Annotated[int, typer.Option("--prefix", min=1, help="Tokens that are given.")] = 50,
    suffix: Annotated[int, typer.Option("--suffix", min=1, help="Tokens that are compared.")] = 50,
    most: Annotated[int, typer.Option("--most", min=1, help="Most passages, drawn at random.")] = 1000,
    controls: Annotated[
        str | None,
        typer.Option("--controls", metavar="FILE", help="Texts the model never saw: what chance repeats."),
    ] = None,
    spans: Annotated[
        Path | None,
        typer.Option(
            "--spans",
            metavar="PATH",
            help="The ledger's spans: replay these instead, e.g. the personal data of `redact`.",
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            min=1,
            help="Sample so many texts after the start token instead, rank them by four marks of memory, and look them up.",
        ),
    ] = None,
    sample_tokens: Annotated[
        int, typer.Option("--sample-tokens", min=1, help="Most tokens of a sample.")
    ] = 256,
    top_k: Annotated[
        int, typer.Option("--top-k", min=0, help="Tokens that a sample draws from; 0 for all.")
    ] = 40,
    smaller: Annotated[
        str | None,
        typer.Option(
            "--smaller", metavar="TARGET", help="A smaller model: one of the four marks of samples."
        ),
    ] = None,
    dataset: Annotated[
        str,
        typer.Option("--dataset", help="Of the recipe, where TEXTS have no doc_id and --spans are given."),
    ] = "texts",
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", dir_okay=False, help="One row a passage (Parquet)."),
    ] = None,
    dtype: DtypeOption = None,
    device: DeviceOption = None,
    tokenizer: TokenizerOption = None,
    adapter: AdapterOption = None,
    model: ModelOption = None,
    api: ApiOption = None,
    start_token: StartTokenOption = None,
    key_variable: KeyVariableOption = None,
    concurrency: ConcurrencyOption = None,
    budget_requests: BudgetRequestsOption = None,
    budget_tokens: BudgetTokensOption = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the draw.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Give the model the beginning of passages and count how often it goes on exactly as the corpus does.

    No text is written or shown, personal data least of all: rows of the texts, lengths and matches are. With --samples the
    model says texts unasked, which the file holds and the screen does not show.
    """
    from datagov.storage import encode_table, replace
    from datagov.tokenizer import load_tokenizer
    from detectors.probes.extraction import passages, replay, span_tasks
    from detectors.targets.opening import kind_of
    from detectors.texts import read_texts

    if samples is not None and (controls is not None or spans is not None):
        raise ConfigError(
            "--samples: nothing is given to the model, so that --controls and --spans do not go with it"
        )
    if samples is None and smaller is not None:
        raise ConfigError("--smaller is for --samples")
    remote = any(kind_of(spec) == "http" for spec in (target, smaller or ""))
    if (budget_requests or budget_tokens) and not (remote and samples is not None):
        raise ConfigError("--budget-requests and --budget-tokens are for --samples of an endpoint")
    given = read_texts(texts, dataset=dataset)
    asked = None if spans is None else read_spans(spans, given)
    others = None if controls is None else read_texts(controls)
    suspect = opened(
        target,
        dtype=dtype,
        device=device,
        tokenizer=tokenizer,
        adapter=adapter,
        model=model,
        api=api,
        start_token=start_token,
        key_variable=key_variable,
        concurrency=concurrency,
    )
    if samples is not None:
        from detectors.commands.extract_samples import extract_samples
        from detectors.targets.http.budget import Budget

        extract_samples(
            suspect,
            given,
            smaller=None
            if smaller is None
            else opened_beside(
                smaller, dtype=dtype, device=device, tokenizer=tokenizer, concurrency=concurrency
            ),
            budget=Budget(budget_requests, budget_tokens, kept=output),
            count=samples,
            tokens=sample_tokens,
            top_k=top_k or None,
            run=suffix,
            seed=seed,
            output=output,
            as_json=as_json,
        )
        return
    words = load_tokenizer(tokenizer or Path(target))
    start = suspect.facts.start_token_id
    drawn = {"prefix": prefix, "suffix": suffix, "most": most, "seed": seed}
    tasks = (
        passages(given.strings, words, start=start, **drawn)
        if asked is None
        else span_tasks(given.strings, asked[:most], words, prefix=prefix, start=start)
    )
    found = replay(suspect, tasks)
    record: dict[str, Any] = {"texts": _summary(tasks, found)}
    if asked is not None:
        record["by_rule"] = _by_rule(tasks, found)
    if others is not None:
        other_tasks = passages(others.strings, words, start=start, **drawn)
        record["controls"] = _summary(other_tasks, replay(suspect, other_tasks))
    suspect.confirm()
    if output is not None:
        replace(output, encode_table(_table(tasks, found)))
    if as_json:
        terminal.print_json(record)
        return
    names = list(record["texts"])
    rows = [(name, *record[name].values()) for name in ("texts", "controls") if name in record]
    rows += [(rule, *said.values()) for rule, said in record.get("by_rule", {}).items()]
    terminal.print_table(("of", *names), rows)


def _summary(tasks: Tasks, found: Replayed) -> dict[str, Any]:
    from detectors.probes.extraction import recall_at_wrong
    from detectors.statistics.roc import clopper_pearson

    exact, count = int(found.exact_N.sum()), len(tasks)
    low, high = clopper_pearson(exact, count) if count else (None, None)
    return {
        "passages": count,
        "left_out": tasks.left_out,
        "exact": exact,
        "exact_low": low,
        "exact_high": high,
        "mean_matched_tokens": float(found.matched_N.mean()) if count else None,
        "recall_at_100_wrong": recall_at_wrong(found),
    }


def _by_rule(tasks: Tasks, found: Replayed) -> dict[str, dict[str, Any]]:
    import numpy as np

    from detectors.probes.extraction import Replayed, Tasks
    from detectors.ragged import TokenBatch

    rules = np.array(tasks.rules, object)
    said = {}
    for rule in sorted(set(tasks.rules), key=str):
        rows = np.flatnonzero(rules == rule)
        own = Tasks(
            TokenBatch.of([tasks.prefixes.row(int(row)) for row in rows]),
            TokenBatch.of([tasks.answers.row(int(row)) for row in rows]),
            tasks.text_N[rows],
            [rule] * len(rows),
            0,
        )
        part = Replayed(found.matched_N[rows], found.exact_N[rows], found.confidence_N[rows])
        said[str(rule)] = _summary(own, part)
    return said


def _table(tasks: Tasks, found: Replayed) -> Any:
    import pyarrow as pa

    return pa.table(
        {
            "text": pa.array(tasks.text_N, pa.int64()),
            "rule": pa.array(tasks.rules, pa.string()),
            "answer_tokens": pa.array(tasks.answers.lengths, pa.int64()),
            "matched_tokens": pa.array(found.matched_N, pa.int64()),
            "exact": pa.array(found.exact_N, pa.bool_()),
            "confidence": pa.array(found.confidence_N, pa.float64(), from_pandas=True),
        }
    )
