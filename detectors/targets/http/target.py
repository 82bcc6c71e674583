"""An endpoint as a target: what methods see of it, and whether it is the same one when a run ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace

import numpy as np

from datagov.errors import ConfigError, TargetMisaligned, TargetRefused
from datagov.ids import digest
from datagov.tokenizer import Tokenizer
from detectors.ragged import TokenBatch
from detectors.targets.http.answers import Row
from detectors.targets.http.budget import Budget
from detectors.targets.http.conformance import Conformance
from detectors.targets.http.endpoint import Endpoint
from detectors.targets.http.traces import trace_of
from detectors.targets.http.wire import Draw
from detectors.targets.target import Capabilities, Continuations, TargetFacts
from detectors.trace import TraceBatch

__all__ = ["BATCH", "HttpTarget"]

CONFIRM_NATS = 0.01
"""Least difference from the first probe that makes a model another, above twice the endpoint's own tolerance."""
BATCH = 8
"""Prompts of a request, where the endpoint takes so many."""


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

    def with_budget(self, budget: Budget) -> HttpTarget:
        """Return the same target, whose traces and drawn texts are counted."""
        other = copy(self)
        other._endpoint = replace(self._endpoint, budget=budget)  # noqa: SLF001 - a copy of ourselves
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
        self._check(windows)
        asked = np.flatnonzero(windows.lengths > 1)
        rows = self._endpoint.score([windows.row(int(index)).tolist() for index in asked])
        found = dict(zip(asked.tolist(), rows, strict=True))
        return self._trace_of(windows, found)

    def traces(self, windows: TokenBatch) -> Iterator[TraceBatch]:
        """Yield the traces of consecutive windows of two tokens or more, of each request when it is answered; raises as `trace`."""
        self._check(windows)
        start = 0
        for rows in self._endpoint.answers([windows.row(index).tolist() for index in range(len(windows))]):
            stop = start + len(rows)
            yield self._trace_of(windows.part(start, stop), dict(enumerate(rows)))
            start = stop

    def _check(self, windows: TokenBatch) -> None:
        self.require_exact()
        most = self.capabilities.context_tokens
        if most is not None and len(windows) and int(windows.lengths.max()) > most:
            raise TargetRefused(
                f"{self._endpoint.where}: a window of {int(windows.lengths.max())} tokens, the endpoint takes {most}; "
                "ask for smaller windows"
            )

    def _trace_of(self, windows: TokenBatch, rows: Mapping[int, Row]) -> TraceBatch:
        return trace_of(windows, rows, self.facts, self.capabilities.statistics, self._endpoint.top)

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

    def draw(self, seeds: Sequence[int], *, tokens: int, top_k: int | None, seeded: bool = True) -> list[str]:
        """Return a text drawn after the start token for each seed, as the endpoint writes it: without an end token.

        Parameters
        ----------
        seeds : sequence of int
            In [0, 2^31).
        tokens : int
            Most tokens of a text.
        top_k : int or None
            Drawn of so many most probable tokens; None for all. Whether an engine heeds it is not seen.
        seeded : bool
            Send the seeds; not every engine takes one.

        Raises
        ------
        ConfigError
            The tokenizer names no start token, or nothing can be drawn in this convention.
        TargetError
        PartialRun
            The budget is spent.
        """
        start = self.facts.start_token_id
        if start is None:
            raise ConfigError(f"{self.facts.name}: names no start token to sample after (--start-token)")
        draws = [Draw(tokens, top_k, seed if seeded else None) for seed in seeds]
        return [made.text for made in self._endpoint.draw([start], draws)]

    def confirm(self) -> None:
        """Probe again, and refuse a model that is not the one that was opened.

        Raises
        ------
        TargetMisaligned
        """
        if self.capabilities.prompt_logprobs != "exact":
            return
        again = self._endpoint.free().score(self.conformance.prompts)
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

    def require_exact(self) -> None:
        """Make sure that the log-probabilities of prompts can be believed.

        Raises
        ------
        TargetMisaligned
            They belong to other tokens.
        TargetRefused
            There are none.
        """
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
