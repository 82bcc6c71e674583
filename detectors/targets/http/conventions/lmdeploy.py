"""LMDeploy's `/generate` (PyTorch backend, `--logprobs-mode raw_logprobs`). Written from its description; not verified live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detectors.targets.http.conventions.sglang import pairs
from detectors.targets.http.wire import Asked, Generated, Prompt, Scored, need

__all__ = ["LMDEPLOY"]


class LMDeploy:
    """POST /generate with `return_logprob`, `logprob_start_len: 0` and `max_tokens: 0`, one prompt a request.

    `meta_info.input_token_logprobs` is a list of [log-probability, id] for the tokens after the first, which is
    left out; here it gets its entry back.
    Source: InternLM/lmdeploy pull request 4793.
    """

    name = "lmdeploy"
    path = "/generate"
    live = False
    takes_ids = True
    one_by_one = True
    statistics: frozenset[str] = frozenset()

    def scoring(self, prompts: Sequence[Prompt], asked: Asked) -> dict[str, Any]:  # noqa: ARG002 - no alternatives
        """Return the request."""
        return {**_prompt(prompts[0]), "return_logprob": True, "logprob_start_len": 0, "max_tokens": 0}

    def scored(self, answer: Any, prompts: Sequence[Prompt]) -> list[Scored]:
        """Return the entries of the prompt's own tokens."""
        logprobs, ids = pairs(need(need(answer, "meta_info", dict), "input_token_logprobs", list))
        prompt = prompts[0]
        return [Scored([None, *logprobs], None if isinstance(prompt, str) else [prompt[0], *ids])]

    def generating(self, prompts: Sequence[Prompt], steps: int, asked: Asked) -> dict[str, Any]:  # noqa: ARG002 - the same
        """Return the request; `temperature` 0 is not accepted everywhere, one candidate is."""
        return {**_prompt(prompts[0]), "return_logprob": True, "max_tokens": steps, "top_k": 1}

    def generated(self, answer: Any, prompts: Sequence[Prompt]) -> list[Generated]:  # noqa: ARG002 - one prompt
        """Return the continuation with its ids."""
        logprobs, ids = pairs(need(need(answer, "meta_info", dict), "output_token_logprobs", list))
        return [Generated(str(answer.get("text", "")), ids, logprobs, None)]


def _prompt(prompt: Prompt) -> dict[str, Any]:
    return {"prompt": prompt} if isinstance(prompt, str) else {"input_ids": prompt}


LMDEPLOY = LMDeploy()
