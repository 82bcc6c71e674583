"""From what a user writes after `--target` to a target."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from datagov.errors import ConfigError
from detectors.targets.target import Target

__all__ = ["KINDS", "OpenOptions", "kind_of", "open_target", "refuse_options"]


@dataclass(frozen=True)
class OpenOptions:
    """How a target is opened; an option that does not fit the kind of target is refused."""

    dtype: str | None = None
    """`float64`, `float32`, `bfloat16`, `float16`, or `auto` for the checkpoint's own; None: `float32` on a CPU, else `auto`."""
    device: str | None = None
    """A torch device such as `cpu` or `cuda:0`, or `auto` to spread a checkpoint; None: the first GPU, else the CPU."""
    adapter: Path | None = None
    """Folder of a LoRA adapter."""
    revision: str | None = None
    """Snapshot of a checkpoint in the local model cache."""
    tokenizer: Path | None = None
    """`tokenizer.json` or its folder, where the target has none of its own (endpoints, n-gram models)."""
    model: str | None = None
    """Name of the model at an endpoint that serves several."""
    api: str | None = None
    """How an endpoint is asked, one of `http.conventions.CONVENTIONS`; None: what is found to work."""
    start_token: str | None = None
    """Token put before each window, by name; None: BOS, else EOS, as the files beside the tokenizer say."""
    key_variable: str | None = None
    """Environment variable that holds an endpoint's key; None for the usual one."""
    concurrency: int | None = None
    """Requests to an endpoint at once; None for the usual."""
    layout: str | None = None
    """How texts share a forward pass of a checkpoint: `padded` or `packed`; None: `padded`."""


KINDS = {
    "http:": "http",
    "https:": "http",
    "gguf:": "gguf_target",
    "ngram:": "ngram",
}
"""What a specification starts with -> module of this package with `open_target(spec, options)`; else a checkpoint."""
EXTRAS = {"checkpoint": "gpu", "gguf_target": "gguf"}
"""Module -> the extra that has its libraries, where that is not `detect`."""


def kind_of(spec: str) -> str:
    """Return the module of this package that opens a specification: `checkpoint`, or one of `KINDS`."""
    return next((module for start, module in KINDS.items() if spec.startswith(start)), "checkpoint")


def refuse_options(options: OpenOptions, names: Iterable[str], why: str) -> None:
    """Refuse those of the named options that are given.

    Raises
    ------
    ConfigError
        With the option's name before `why`.
    """
    for name in names:
        if getattr(options, name) is not None:
            raise ConfigError(f"--{name.replace('_', '-')} {why}")


def open_target(spec: str, options: OpenOptions | None = None) -> Target:
    """Open a folder with a checkpoint, `gguf:FILE`, `ngram:FILE`, or an `http(s)://` endpoint.

    Raises
    ------
    ConfigError
        The specification or an option cannot be used as given, or a library it needs is not installed.
    TargetError
        The target is there and cannot be used.
    """
    kind = kind_of(spec)
    try:
        opener: Callable[[str, OpenOptions], Target] = import_module(f"detectors.targets.{kind}").open_target
        return opener(spec, options or OpenOptions())
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--target {spec}: needs the library {error.name!r}, which is not installed; "
            f"pip install 'datagov[{EXTRAS.get(kind, 'detect')}]'"
        ) from error
