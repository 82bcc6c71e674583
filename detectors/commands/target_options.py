"""The options by which commands name a target, said once."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datagov import terminal

if TYPE_CHECKING:
    from detectors.targets.target import Target

__all__ = [
    "AdapterOption",
    "ApiOption",
    "BudgetRequestsOption",
    "BudgetTokensOption",
    "ConcurrencyOption",
    "DeviceOption",
    "DtypeOption",
    "KeyVariableOption",
    "ModelOption",
    "StartTokenOption",
    "TargetOption",
    "TokenizerOption",
    "opened",
    "opened_beside",
    "warn_of_tolerance",
]

TargetOption = Annotated[
    str,
    typer.Option(
        "--target",
        metavar="TARGET",
        help="A checkpoint's folder, gguf:FILE, ngram:FILE, an http(s) URL, or traces:STORE without the model.",
    ),
]
DtypeOption = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        help="float64 (the same numbers in every batch), float32, bfloat16, float16, or auto for the checkpoint's own.",
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device", help="cpu, cuda:N, or auto to spread a checkpoint. Default: a GPU if there is one."
    ),
]
TokenizerOption = Annotated[
    Path | None,
    typer.Option("--tokenizer", metavar="PATH", help="tokenizer.json, where the target has none."),
]
AdapterOption = Annotated[
    Path | None, typer.Option("--adapter", metavar="DIR", help="LoRA adapter of a checkpoint.")
]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="Name of the model, at an endpoint of several.")
]
ApiOption = Annotated[
    str | None,
    typer.Option(
        "--api", help="How an endpoint is asked: vllm, openai, sglang, tgi or lmdeploy; default what works."
    ),
]
StartTokenOption = Annotated[
    str | None, typer.Option("--start-token", help="Start token by name; default BOS, else EOS.")
]
KeyVariableOption = Annotated[
    str | None,
    typer.Option("--key-variable", metavar="NAME", help="Environment variable with an endpoint's key."),
]

ConcurrencyOption = Annotated[
    int | None, typer.Option("--concurrency", min=1, help="Requests to an endpoint at once; default 4.")
]
BudgetRequestsOption = Annotated[
    int | None, typer.Option("--budget-requests", min=1, help="Most requests to an endpoint.")
]
BudgetTokensOption = Annotated[
    int | None, typer.Option("--budget-tokens", min=1, help="Most tokens sent to it and generated.")
]


def opened_beside(
    spec: str,
    *,
    dtype: str | None,
    device: str | None,
    tokenizer: Path | None,
    concurrency: int | None = None,
) -> Target:
    """Open a target beside the one that is asked about, with those of its options that fit the kind of this one."""
    from detectors.targets.opening import kind_of

    kind = kind_of(spec)
    if kind == "http":
        return opened(spec, tokenizer=tokenizer, concurrency=concurrency)
    if kind == "checkpoint":
        has_own = not Path(spec).is_dir() or (Path(spec) / "tokenizer.json").is_file()
        return opened(spec, dtype=dtype, device=device, tokenizer=None if has_own else tokenizer)
    return opened(spec)


def opened(
    spec: str,
    *,
    dtype: str | None = None,
    device: str | None = None,
    tokenizer: Path | None = None,
    adapter: Path | None = None,
    revision: str | None = None,
    model: str | None = None,
    api: str | None = None,
    start_token: str | None = None,
    key_variable: str | None = None,
    layout: str | None = None,
    concurrency: int | None = None,
) -> Target:
    """Open a target and say what a person should know of it."""
    from detectors.targets.opening import OpenOptions, open_target

    options = OpenOptions(
        dtype=dtype,
        device=device,
        adapter=adapter,
        revision=revision,
        tokenizer=tokenizer,
        model=model,
        api=api,
        start_token=start_token,
        key_variable=key_variable,
        layout=layout,
        concurrency=concurrency,
    )
    target = open_target(spec, options)
    for remark in target.facts.notes:
        terminal.note(remark)
    return target


def warn_of_tolerance(target: Target) -> None:
    """Say if a target's numbers depend on the batch more than its number format is expected to let them."""
    from detectors.targets.tolerance import remark_on

    remark = remark_on(target.facts, target.capabilities)
    if remark is not None:
        terminal.note(remark)
