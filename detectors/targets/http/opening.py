"""From an endpoint's URL to a target: the options that fit, the model it serves, and the probe."""

from __future__ import annotations

import json
from pathlib import Path

from datagov.errors import ConfigError, TargetRefused, did_you_mean
from datagov.tokenizer import Tokenizer, load_tokenizer
from datagov.tokenizer_file import tokenizer_file
from detectors.targets.http.address import KEY_VARIABLE, NotServed, base_of
from detectors.targets.http.client import Client, Limits
from detectors.targets.http.conformance import Conformance
from detectors.targets.http.conventions import CONVENTIONS
from detectors.targets.http.endpoint import Endpoint
from detectors.targets.http.probe import probe
from detectors.targets.http.served import Served, served_model
from detectors.targets.http.target import BATCH, HttpTarget
from detectors.targets.opening import OpenOptions, refuse_options

__all__ = ["check_endpoint", "open_target"]

UNNAMED = ("vllm", "openai")
"""Conventions that are tried where none is named: they share a path."""
TOP = 20
"""Alternatives asked for where an engine gives any; vLLM's cap unless it was raised."""


def open_target(spec: str, options: OpenOptions) -> HttpTarget:
    """Open an endpoint: find its model, read the tokenizer, probe it.

    Raises
    ------
    ConfigError
        An option is missing, unknown, or does not fit an endpoint.
    TargetError
        The endpoint cannot be used. One that gives no log-probabilities can still be opened for its continuations.
    """
    limits = Limits() if options.concurrency is None else Limits(concurrency=options.concurrency)
    return check_endpoint(spec, options, limits)


def check_endpoint(spec: str, options: OpenOptions, limits: Limits | None = None) -> HttpTarget:
    """As `open_target`, with limits."""
    local = ("dtype", "device", "adapter", "revision", "layout")
    refuse_options(
        options, local, f"is for checkpoints on this machine; {spec} decides for itself how it computes"
    )
    if options.tokenizer is None:
        raise ConfigError(
            f"--target {spec}: token ids are made here, so that they are known: name the model's tokenizer, "
            "--tokenizer FOLDER or tokenizer.json"
        )
    if options.api is not None and options.api not in CONVENTIONS:
        raise ConfigError(f"--api {options.api!r} is not known. {did_you_mean(options.api, CONVENTIONS)}")
    tokenizer = load_tokenizer(options.tokenizer)
    start = tokenizer.token_id(options.start_token) if options.start_token else tokenizer.start_token_id
    client = Client(base_of(spec), limits or Limits(), key_variable=options.key_variable or KEY_VARIABLE)
    served = served_model(client, options.model)
    endpoint, conformance = _probed(client, options.api, served, tokenizer, start)
    engine = f"http {endpoint.convention.name} {served.engine}"
    return HttpTarget(
        endpoint, conformance, _vocabulary(options.tokenizer, tokenizer.vocabulary_size), engine
    )


def _probed(
    client: Client, api: str | None, served: Served, tokenizer: Tokenizer, start: int | None
) -> tuple[Endpoint, Conformance]:
    """Probe the convention that was named, else those of completions; the first that is exact, else the last.

    Raises
    ------
    TargetError
        Nothing there answers as an inference server.
    """
    found: tuple[Endpoint, Conformance] | None = None
    refused: TargetRefused | None = None
    for name in [api] if api else UNNAMED:
        endpoint = Endpoint(client, CONVENTIONS[name], served.model, tokenizer, start, TOP, BATCH)
        try:
            conformance = probe(endpoint, claimed_context=served.context_tokens, listed=served.listed)
        except NotServed:
            raise
        except TargetRefused as error:
            refused = error
            continue
        found = endpoint, conformance
        if conformance.capabilities.prompt_logprobs == "exact":
            break
    if found is None:
        assert refused is not None, "a convention is probed or refused"
        raise refused
    return found


def _vocabulary(place: Path, tokens: int) -> int:
    """Return config.vocab_size where the tokenizer lies in a checkpoint's folder, else the tokenizer's own size."""
    config = tokenizer_file(place).parent / "config.json"
    said = json.loads(config.read_bytes()).get("vocab_size") if config.is_file() else None
    return said if isinstance(said, int) else tokens
