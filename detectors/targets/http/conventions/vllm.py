"""vLLM's `prompt_logprobs`: keyed by token id, with ranks, and alternatives up to the server's cap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datagov.errors import TargetMisaligned
from detectors.targets.http.conventions.openai import completion_request, continuations, drawn_request
from detectors.targets.http.wire import Asked, Draw, Generated, Prompt, Scored, choices_of, need

__all__ = ["VLLM"]


class Vllm:
    """POST /v1/completions with `prompt_logprobs`.

    The answer's keys are ids as strings, so that a value that belongs to another token is seen: the prompt's
    own id is then not among them. `rank` counts from 1 and gives equally probable tokens the same, later rank.
    """

    name = "vllm"
    path = "/v1/completions"
    live = True
    takes_ids = True
    one_by_one = False
    statistics = frozenset({"rank", "top1", "top_logprobs"})

    def scoring(self, prompts: Sequence[Prompt], asked: Asked) -> dict[str, Any]:
        """Return the request."""
        return {
            **completion_request(prompts, 1, asked),
            "prompt_logprobs": asked.top,
            "return_token_ids": True,
            "add_special_tokens": False,
        }

    def scored(self, answer: Any, prompts: Sequence[Prompt]) -> list[Scored]:
        """Return the entries of the prompts' own tokens."""
        return [
            self._row(choice, prompt)
            for choice, prompt in zip(choices_of(answer, prompts), prompts, strict=True)
        ]

    def _row(self, choice: Any, prompt: Prompt) -> Scored:
        entries = need(choice, "prompt_logprobs", list)
        said = choice.get("prompt_token_ids")
        ids = said if isinstance(prompt, str) else prompt
        if ids is None or len(entries) != len(ids):
            raise TargetMisaligned(
                f"{len(ids or prompt)} tokens were sent, the answer's prompt_logprobs has {len(entries)} entries: the "
                "endpoint adds or cuts tokens"
            )
        logprobs: list[float | None] = []
        ranks: list[int | None] = []
        tops: list[list[float]] = []
        for token, entry in zip(ids, entries, strict=True):
            own = entry.get(str(token)) if isinstance(entry, Mapping) else None
            if entry is not None and not isinstance(own, Mapping):
                raise TargetMisaligned(
                    f"prompt_logprobs at position {len(logprobs)} has no entry for the prompt's own token {token}: its "
                    "values belong to other tokens"
                )
            logprobs.append(None if own is None else own.get("logprob"))
            rank = None if own is None else own.get("rank")
            ranks.append(None if rank is None else rank - 1)
            tops.append([] if entry is None else [one["logprob"] for one in entry.values()])
        return Scored(logprobs, said if isinstance(said, list) else None, ranks, tops)

    def generating(self, prompts: Sequence[Prompt], steps: int, asked: Asked) -> dict[str, Any]:
        """Return the request."""
        return {**completion_request(prompts, steps, asked), "logprobs": 1, "return_token_ids": True}

    def generated(self, answer: Any, prompts: Sequence[Prompt]) -> list[Generated]:
        """Return the continuations with their ids."""
        return continuations(answer, prompts)

    def drawing(self, prompt: Prompt, draw: Draw, asked: Asked) -> dict[str, Any]:
        """Return the request; what it leaves out, vLLM takes from the checkpoint's generation_config.json."""
        neutral = {"min_p": 0, "repetition_penalty": 1, "top_k": -1}
        return neutral | drawn_request(prompt, draw, asked)


VLLM = Vllm()
