"""Completions with echo: the older OpenAI interface, as vLLM, Together and others serve it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datagov.errors import TargetMisaligned
from detectors.targets.http.wire import Asked, Draw, Generated, Prompt, Scored, choices_of, need

__all__ = ["OPENAI", "completion_request", "continuations", "drawn_request"]

NAMED = "token_id:"
"""How engines name a token by its id when asked to."""


class OpenAI:
    """POST /v1/completions with `echo` and `logprobs`.

    One token is asked for and cut off: some engines take `max_tokens: 0` for no limit. Alternatives are not
    read: they are keyed by strings, and two tokens with one string would hide each other.
    """

    name = "openai"
    path = "/v1/completions"
    live = True
    takes_ids = True
    one_by_one = False
    statistics: frozenset[str] = frozenset()

    def scoring(self, prompts: Sequence[Prompt], asked: Asked) -> dict[str, Any]:
        """Return the request."""
        return {**completion_request(prompts, 1, asked), "logprobs": 1, "echo": True}

    def scored(self, answer: Any, prompts: Sequence[Prompt]) -> list[Scored]:
        """Return the prompt's entries: all but the generated one."""
        choices = choices_of(answer, prompts)
        said = answer.get("usage") or {}
        rows = []
        for choice, prompt in zip(choices, prompts, strict=True):
            logprobs = need(choice, "logprobs", dict)
            values = need(logprobs, "token_logprobs", list)
            counted = said.get("prompt_tokens") if len(prompts) == 1 else None
            if isinstance(prompt, str):
                rows.append(Scored(values[: counted or len(values) - 1], _ids(logprobs, counted)))
                continue
            if isinstance(counted, int) and counted != len(prompt):
                raise TargetMisaligned(
                    f"{len(prompt)} ids were sent and the endpoint counted {counted} prompt tokens: it adds or cuts "
                    "tokens; switch off its start token, and keep prompts within its context"
                )
            if len(values) not in {len(prompt), len(prompt) + 1}:
                raise TargetMisaligned(
                    f"{len(prompt)} ids were sent and one token was asked for, the answer has {len(values)} "
                    "log-probabilities: it adds or cuts tokens, or gives those of generated tokens only"
                )
            rows.append(Scored(values[: len(prompt)], _ids(logprobs, len(prompt))))
        return rows

    def generating(self, prompts: Sequence[Prompt], steps: int, asked: Asked) -> dict[str, Any]:
        """Return the request."""
        return {**completion_request(prompts, steps, asked), "logprobs": 1}

    def generated(self, answer: Any, prompts: Sequence[Prompt]) -> list[Generated]:
        """Return the continuations; ids only where tokens are named by them."""
        return continuations(answer, prompts)

    def drawing(self, prompt: Prompt, draw: Draw, asked: Asked) -> dict[str, Any]:
        """Return the request; `top_k` is no part of OpenAI's interface, and most engines that follow it take it."""
        return drawn_request(prompt, draw, asked)


def completion_request(prompts: Sequence[Prompt], steps: int, asked: Asked) -> dict[str, Any]:
    """Return what every completions request holds; a single prompt is sent as such, not as a list of one."""
    return {
        "model": asked.model,
        "prompt": prompts[0] if len(prompts) == 1 else list(prompts),
        "max_tokens": steps,
        "temperature": 0,
    }


def drawn_request(prompt: Prompt, draw: Draw, asked: Asked) -> dict[str, Any]:
    """Return a request for one text drawn at random; what would change the probabilities besides is switched off."""
    request = {**completion_request([prompt], draw.steps, asked), "temperature": 1, "top_p": 1}
    limits = {"top_k": draw.top_k, "seed": draw.seed}
    return request | {name: value for name, value in limits.items() if value is not None}


def continuations(answer: Any, prompts: Sequence[Prompt]) -> list[Generated]:
    """Return the continuations of a completions answer, whose log-probabilities may have the form of chats."""
    rows = []
    for choice in choices_of(answer, prompts):
        logprobs = choice.get("logprobs") if isinstance(choice.get("logprobs"), dict) else {}
        if isinstance(logprobs.get("content"), list):
            rows.append(_as_in_chats(str(choice.get("text", "")), logprobs["content"]))
            continue
        ids = choice.get("token_ids")
        tops = logprobs.get("top_logprobs")
        rows.append(
            Generated(
                text=str(choice.get("text", "")),
                ids=ids if isinstance(ids, list) else _ids(logprobs, None),
                logprobs=logprobs.get("token_logprobs"),
                best=None if not tops else [max(top.values(), default=None) if top else None for top in tops],
                tokens=logprobs.get("tokens"),
            )
        )
    return rows


def _as_in_chats(text: str, content: Sequence[Any]) -> Generated:
    """Return a continuation from one entry a token, as llama.cpp's server gives them, with their ids."""
    entries = [entry if isinstance(entry, dict) else {} for entry in content]
    tops = [
        [one.get("logprob") for one in entry.get("top_logprobs") or () if isinstance(one, dict)]
        for entry in entries
    ]
    ids = [token for entry in entries if isinstance(token := entry.get("id"), int)]
    return Generated(
        text=text,
        ids=ids if len(ids) == len(entries) else None,
        logprobs=[entry.get("logprob") for entry in entries],
        best=[max((value for value in top if value is not None), default=None) for top in tops],
        tokens=[str(entry.get("token", "")) for entry in entries],
    )


def _ids(logprobs: Any, count: int | None) -> list[int] | None:
    tokens = logprobs.get("tokens")
    if (
        not isinstance(tokens, list)
        or not all(str(token).startswith(NAMED) for token in tokens)
        or not tokens
    ):
        return None
    return [int(token.removeprefix(NAMED)) for token in tokens[:count]]


OPENAI = OpenAI()
