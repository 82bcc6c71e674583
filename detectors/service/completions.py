"""Completions out of a target: echo, prompt log-probabilities and greedy continuations, all with their ids.

Everything comes from `Target.trace` and `Target.force`; a value stands beside the token that it is of, and
the first token of a prompt has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datagov.errors import InputError, TargetRefused
from detectors.ragged import TokenBatch
from detectors.service.messages import CompletionRequest
from detectors.targets.target import Continuations, Sampler, Target
from detectors.trace import TraceBatch

__all__ = ["Completions", "ServiceLimits"]


@dataclass(frozen=True)
class ServiceLimits:
    """What one request may ask for."""

    body_bytes: int = 4 * 2**20
    prompts: int = 64
    prompt_tokens: int = 4096
    """Tokens of one prompt, and of what is generated after it."""
    generated_tokens: int = 256
    waiting: int = 16
    """Requests that wait for the target; further ones are told to come again."""


@dataclass(frozen=True)
class Entry:
    """One token of an answer."""

    token: int
    logprob: float | None
    rank: int | None
    """0 for the most probable token; None where the target does not say."""
    top: tuple[int, float] | None
    """The most probable token; None where the target does not say."""


class Completions:
    """Answers completions requests from one target; not for several threads at once."""

    def __init__(self, target: Target, name: str, limits: ServiceLimits) -> None:
        self.target = target
        self.name = name
        self.limits = limits
        context = target.capabilities.context_tokens
        self.context_tokens = limits.prompt_tokens if context is None else min(context, limits.prompt_tokens)

    def answer(self, request: CompletionRequest) -> dict[str, Any]:
        """Return the answer to one request.

        Raises
        ------
        InputError
            The request asks for what this target cannot give; the message says what it can.
        TargetError
        """
        prompts = self._prompts(request)
        self._check(request, prompts)
        traced = None
        if request.prompt_logprobs is not None or (request.echo and request.logprobs is not None):
            traced = self.target.trace(prompts).by_text()
        steps = request.max_tokens
        made = self._continued(request, prompts) if steps else None
        choices = [
            self._choice(request, index, prompts.row(index).tolist(), traced, made)
            for index in range(len(prompts))
        ]
        generated = int(np.count_nonzero(made.token_ids_NS >= 0)) if made is not None else 0
        asked = int(prompts.lengths.sum())
        return {
            "id": "cmpl-datagov",
            "object": "text_completion",
            "created": 0,
            "model": self.name,
            "choices": choices,
            "usage": {
                "prompt_tokens": asked,
                "completion_tokens": generated,
                "total_tokens": asked + generated,
            },
        }

    def _continued(self, request: CompletionRequest, prompts: TokenBatch) -> Continuations:
        steps = request.max_tokens
        if request.temperature == 0:
            return self.target.force(prompts, steps)
        if not isinstance(self.target, Sampler):
            raise InputError("temperature: this target continues greedily alone; expected 0")
        if request.logprobs is not None:
            raise InputError("logprobs: drawn tokens come without; score them as a prompt, or leave it out")
        uniform_NS = np.random.default_rng(request.seed).random((len(prompts), steps))
        ids = np.full((len(prompts), steps), -1, np.int32)
        for row in range(len(prompts)):
            said = self.target.sample(
                uniform_NS[row : row + 1],
                top_k=request.top_k if request.top_k > 0 else None,
                prefix=prompts.row(row).tolist(),
            )
            ids[row, : len(said.token_ids)] = said.token_ids
        return Continuations(ids, np.full(ids.shape, np.nan, np.float32))

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Return the ids of a text, with the start token before them if `special`."""
        start = self.target.facts.start_token_id
        ids = [int(token) for token in self.target.encode([text]).token_ids]
        return [start, *ids] if special and start is not None else ids

    def _prompts(self, request: CompletionRequest) -> TokenBatch:
        prompt = request.prompt
        several = [prompt] if isinstance(prompt, str) or (prompt and isinstance(prompt[0], int)) else prompt
        rows = [
            self.tokenize(one, special=request.add_special_tokens) if isinstance(one, str) else one
            for one in several
        ]
        if not rows or not all(rows):
            raise InputError("prompt: empty; expected text or at least one token id")
        return TokenBatch.of(rows)  # type: ignore[arg-type]

    def _check(self, request: CompletionRequest, prompts: TokenBatch) -> None:
        limits = self.limits
        if request.model != self.name:
            raise InputError(f"model: {request.model!r} is not served here, {self.name!r} is")
        if request.temperature not in (0, 1):
            raise InputError(f"temperature: {request.temperature:g}; expected 0 (greedy) or 1 (drawn)")
        if request.stream:
            raise InputError("stream: answers are given whole; leave it out")
        if len(prompts) > limits.prompts:
            raise InputError(f"prompt: {len(prompts)} prompts, at most {limits.prompts} a request")
        if request.max_tokens > limits.generated_tokens:
            raise InputError(f"max_tokens: {request.max_tokens}, at most {limits.generated_tokens}")
        if request.max_tokens == 0 and not request.echo and request.prompt_logprobs is None:
            raise InputError("max_tokens: 0 goes with echo or prompt_logprobs")
        longest = int(prompts.lengths.max()) + request.max_tokens
        if longest > self.context_tokens:
            raise InputError(
                f"prompt: {longest} tokens with those to be generated, the context is {self.context_tokens}"
            )
        if int(prompts.token_ids.max()) >= self.target.facts.vocabulary_size:
            raise InputError(
                f"prompt: token {int(prompts.token_ids.max())} is not in the vocabulary of {self.target.facts.vocabulary_size}"
            )
        if max(request.logprobs or 0, request.prompt_logprobs or 0) > 1:
            raise InputError("logprobs, prompt_logprobs: at most 1 alternative a position")

    def _choice(
        self,
        request: CompletionRequest,
        index: int,
        prompt: list[int],
        traced: TraceBatch | None,
        made: Continuations | None,
    ) -> dict[str, Any]:
        before = [] if traced is None else self._prompt_entries(traced, index, prompt)
        after = [] if made is None else _generated_entries(made, index)
        ids = [entry.token for entry in after]
        shown = [*(prompt if request.echo else []), *ids]
        choice: dict[str, Any] = {
            "index": index,
            "text": self.target.decode(shown),
            "finish_reason": "length" if len(ids) == request.max_tokens else "stop",
            "logprobs": None,
        }
        if request.logprobs is not None:
            entries = [*(before if request.echo else []), *after]
            choice["logprobs"] = self._logprobs(entries, request)
        if request.prompt_logprobs is not None:
            choice["prompt_logprobs"] = [
                None if entry.logprob is None else self._by_id(entry, request.prompt_logprobs)
                for entry in before
            ]
        if request.return_token_ids:
            choice.update(prompt_token_ids=prompt, token_ids=ids)
        return choice

    def _prompt_entries(self, traced: TraceBatch, index: int, prompt: list[int]) -> list[Entry]:
        tokens = slice(traced.offsets[index], traced.offsets[index + 1])
        logprob = traced.logprob_T[tokens].tolist()
        if traced.token_ids_T[tokens].tolist() != prompt[1:]:
            raise TargetRefused("the target traced other tokens than it was given")
        rank = traced.rank_T
        top_id, top = traced.top1_id_T, traced.top1_T
        tops = (
            None
            if top_id is None or top is None
            else list(zip(top_id[tokens].tolist(), top[tokens].tolist(), strict=True))
        )
        return [
            Entry(prompt[0], None, None, None),
            *(
                Entry(
                    token,
                    logprob[at],
                    None if rank is None else int(rank[tokens][at]),
                    None if tops is None else tops[at],
                )
                for at, token in enumerate(prompt[1:])
            ),
        ]

    def _logprobs(self, entries: Sequence[Entry], request: CompletionRequest) -> dict[str, Any]:
        names = [
            f"token_id:{entry.token}"
            if request.return_tokens_as_token_ids
            else self.target.decode([entry.token])
            for entry in entries
        ]
        offsets = np.concatenate([[0], np.cumsum([len(name) for name in names])])[:-1].astype(int).tolist()
        return {
            "tokens": names,
            "token_logprobs": [entry.logprob for entry in entries],
            "top_logprobs": [
                None if entry.logprob is None else self._by_name(entry, name, request)
                for entry, name in zip(entries, names, strict=True)
            ],
            "text_offset": offsets,
        }

    def _by_name(self, entry: Entry, name: str, request: CompletionRequest) -> dict[str, float]:
        """Return the token and, if asked for, the likeliest one; of two tokens with one text the likelier value."""
        found = {name: entry.logprob or 0.0}
        if request.logprobs:
            token, value = self._top(entry)
            other = f"token_id:{token}" if request.return_tokens_as_token_ids else self.target.decode([token])
            found[other] = max(value, found.get(other, value))
        return found

    def _by_id(self, entry: Entry, alternatives: int) -> dict[str, dict[str, Any]]:
        """Return vLLM's form: ranks count from 1."""
        found = {}
        if alternatives:
            token, value = self._top(entry)
            found[str(token)] = {"logprob": value, "rank": 1, "decoded_token": self.target.decode([token])}
        found[str(entry.token)] = {
            "logprob": entry.logprob,
            "rank": None if entry.rank is None else entry.rank + 1,
            "decoded_token": self.target.decode([entry.token]),
        }
        return found

    def _top(self, entry: Entry) -> tuple[int, float]:
        if entry.top is None:
            raise InputError(
                "logprobs, prompt_logprobs: this target does not say which token is the most probable; ask for 0 alternatives"
            )
        return entry.top


def _generated_entries(made: Continuations, index: int) -> list[Entry]:
    """Return the entries of a continuation; a greedy token is its own best alternative."""
    return [
        Entry(int(token), float(value), 0, (int(token), float(value)))
        for token, value in zip(made.token_ids_NS[index], made.logprob_NS[index], strict=True)
        if token >= 0
    ]
