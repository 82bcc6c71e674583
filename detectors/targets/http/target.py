"""An endpoint as a target: probed when it is opened, confirmed when a run ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from datagov.errors import ConfigError, TargetMisaligned, TargetRefused, did_you_mean
from datagov.ids import digest
from datagov.tokenizer import Tokenizer, load_tokenizer
from datagov.tokenizer_file import tokenizer_file
from detectors.ragged import TokenBatch, offsets_of
from detectors.targets.http.answers import Row
from detectors.targets.http.client import KEY_VARIABLE, Client, Limits, base_of
from detectors.targets.http.conformance import Conformance
from detectors.targets.http.conventions import CONVENTIONS
from detectors.targets.http.endpoint import Endpoint
from detectors.targets.http.probe import probe
from detectors.targets.http.served import Served, served_model
from detectors.targets.opening import OpenOptions
from detectors.targets.target import Capabilities, Continuations, TargetFacts
from detectors.trace import TraceBatch, TraceOrigin

__all__ = ["HttpTarget", "check_endpoint", "open_target"]

CONFIRM_NATS = 0.01
"""Least difference from the first probe that makes a model another, above twice the endpoint's own tolerance."""
BATCH = 8
UNNAMED = ("vllm", "openai")
"""Conventions that are tried where none is named: they share a path."""
TOP = 20
"""Alternatives asked for where an engine gives any; vLLM's cap unless it was raised."""


class HttpTarget:
    """A model behind an endpoint that passed the probe."""

    def __init__(
        self, endpoint: Endpoint, conformance: Conformance, vocabulary_size: int, engine: str
    ) -> None:
        self.conformance = conformance
        self.capabilities: Capabilities = conformance.capabilities
        self._endpoint = replace(
            endpoint,
            top=conformance.top,
            batch=min(BATCH, self.capabilities.batch_prompts or 1),
            text_only=conformance.text_only,
        )
        self.facts = TargetFacts(
            name=endpoint.model,
            digest=digest(
                endpoint.client.base, endpoint.model, endpoint.convention.name, conformance.fingerprint
            ),
            tokenizer_digest=endpoint.tokenizer.digest,
            engine=engine,
            dtype="unknown",
            vocabulary_size=vocabulary_size,
            start_token_id=endpoint.start_token_id,
        )

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that was named for the endpoint."""
        return self._endpoint.tokenizer

    @property
    def where(self) -> str:
        """Names the endpoint in messages."""
        return self._endpoint.where

    @property
    def concurrency(self) -> int:
        """Requests at once."""
        return self._endpoint.client.limits.concurrency

    @property
    def takes_ids(self) -> bool:
        """Whether prompts are sent as token ids; else as the text that they are."""
        return self._endpoint.takes_ids

    def with_batch(self, prompts: int) -> HttpTarget:
        """Return the same target, asked so many prompts a request; one where the engine takes no more."""
        other = copy(self)
        other._endpoint = replace(self._endpoint, batch=prompts)  # noqa: SLF001 - a copy of ourselves
        return other

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """Return the token ids of each text, made here: the endpoint is never asked to tokenize."""
        return TokenBatch(*self._endpoint.tokenizer.encode(texts))

    def decode(self, token_ids: Sequence[int]) -> str:
        """Return the text of token ids."""
        return self._endpoint.tokenizer.decode(token_ids)

    def trace(self, windows: TokenBatch) -> TraceBatch:
        """Return the statistics of every token but the first of each row.

        Raises
        ------
        TargetMisaligned
            The probe found that the endpoint's values belong to other tokens, or an answer shows it now.
        TargetRefused
            The endpoint gives no log-probabilities of prompts, or a row is longer than its context.
        TargetUnavailable
        """
        self._require_exact()
        most = self.capabilities.context_tokens
        if most is not None and len(windows) and int(windows.lengths.max()) > most:
            raise TargetRefused(
                f"{self._endpoint.where}: a window of {int(windows.lengths.max())} tokens, the endpoint takes {most}; "
                "ask for smaller windows"
            )
        asked = np.flatnonzero(windows.lengths > 1)
        rows = self._endpoint.score([windows.row(int(index)).tolist() for index in asked])
        return self._trace_of(windows, dict(zip(asked.tolist(), rows, strict=True)))

    def force(self, prefixes: TokenBatch, steps: int) -> Continuations:
        """Return the greedy continuation of each prefix; NaN where the endpoint gives no log-probability to believe.

        Raises
        ------
        TargetRefused
            The endpoint names tokens by strings only.
        TargetUnavailable
        """
        made = self._endpoint.generate(
            [prefixes.row(index).tolist() for index in range(len(prefixes))], steps
        )
        ids = np.full((len(made), steps), -1, np.int32)
        logprob = np.full((len(made), steps), np.nan, np.float32)
        for at, one in enumerate(made):
            if one.ids is None:
                raise TargetRefused(
                    f"{self._endpoint.where}: continuations come as strings only, and strings do not say which tokens they "
                    "are; use an engine that returns token ids, such as vLLM"
                )
            ids[at, : len(one.ids)] = one.ids[:steps]
            if self.capabilities.generated_logprobs == "exact" and one.logprobs is not None:
                logprob[at, : len(one.logprobs)] = one.logprobs[:steps]
        return Continuations(ids, logprob)

    def confirm(self) -> None:
        """Probe again, and refuse a model that is not the one that was opened.

        Raises
        ------
        TargetMisaligned
        """
        if self.capabilities.prompt_logprobs != "exact":
            return
        again = self._endpoint.score(self.conformance.prompts)
        before = self.conformance.rows
        apart = max(
            float(np.abs(one.logprob - two.logprob).max()) for one, two in zip(before, again, strict=True)
        )
        if apart > max(CONFIRM_NATS, 2 * self.capabilities.tolerance_nats):
            raise TargetMisaligned(
                f"{self._endpoint.where}: the probe's log-probabilities differ by {apart:.3g} nats from those at the start: "
                "another model, or other settings, answers now. What was traced in this run is of more than one model: "
                "delete those traces and run again"
            )

    def close(self) -> None:
        """Close the connections."""
        self._endpoint.client.close()

    def _require_exact(self) -> None:
        found = self.capabilities.prompt_logprobs
        if found == "exact":
            return
        reasons = "; ".join(self.conformance.reasons)
        kind = TargetMisaligned if found == "misaligned" else TargetRefused
        raise kind(
            f"{self._endpoint.where}: log-probabilities of prompts are {found}, so that membership cannot be scored from "
            f"them ({reasons}). Serve the model with vLLM or `datagov detect serve`, or use a method that reads "
            "continuations only"
        )

    def _trace_of(self, windows: TokenBatch, rows: dict[int, Row]) -> TraceBatch:
        counts = np.maximum(windows.lengths - 1, 0)
        kept = np.flatnonzero(counts)
        scored = [rows[index] for index in kept.tolist()]
        facts = self.facts
        rank = [row.rank for row in scored if row.rank is not None]
        top = [row.top for row in scored if row.top is not None]
        has_rank = "rank" in self.capabilities.statistics and len(rank) == len(scored)
        has_top = "top_logprobs" in self.capabilities.statistics and len(top) == len(scored)
        top_TK = np.concatenate([np.empty((0, self._endpoint.top), np.float32), *top]) if has_top else None
        return TraceBatch(
            origin=TraceOrigin(
                target_digest=facts.digest,
                tokenizer_digest=facts.tokenizer_digest,
                engine=facts.engine,
                dtype=facts.dtype,
                start_token_id=facts.start_token_id,
                window_tokens=int(windows.lengths.max(initial=0)),
                window_policy="first",
            ),
            text_W=kept,
            texts=len(windows),
            offsets=offsets_of(counts[kept].tolist()),
            token_ids_T=np.fromiter(
                chain.from_iterable(windows.row(index)[1:] for index in kept.tolist()), np.int32
            ),
            logprob_T=np.concatenate([np.empty(0, np.float32), *(row.logprob for row in scored)]),
            rank_T=np.concatenate([np.empty(0, np.int32), *rank]) if has_rank else None,
            top1_T=None if top_TK is None else top_TK[:, 0],
            top_TK=top_TK,
        )


def open_target(spec: str, options: OpenOptions) -> HttpTarget:
    """Open an endpoint: find its model, read the tokenizer, probe it.

    Raises
    ------
    ConfigError
        An option is missing, unknown, or does not fit an endpoint.
    TargetError
        The endpoint cannot be used. One that gives no log-probabilities can still be opened for its continuations.
    """
    return check_endpoint(spec, options)


def check_endpoint(spec: str, options: OpenOptions, limits: Limits | None = None) -> HttpTarget:
    """As `open_target`, with limits."""
    for name in ("dtype", "device", "adapter", "revision"):
        if getattr(options, name) is not None:
            raise ConfigError(
                f"--{name} is for checkpoints on this machine; {spec} decides for itself how it computes"
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
    """Probe the convention that was named, else those of completions; the first that is exact, else the last."""
    for name in [api] if api else UNNAMED:
        endpoint = Endpoint(client, CONVENTIONS[name], served.model, tokenizer, start, TOP, BATCH)
        conformance = probe(endpoint, claimed_context=served.context_tokens)
        if conformance.capabilities.prompt_logprobs == "exact":
            break
    return endpoint, conformance


def _vocabulary(place: Path, tokens: int) -> int:
    """Return config.vocab_size where the tokenizer lies in a checkpoint's folder, else the tokenizer's own size."""
    config = tokenizer_file(place).parent / "config.json"
    said = json.loads(config.read_bytes()).get("vocab_size") if config.is_file() else None
    return said if isinstance(said, int) else tokens
