"""SGLang's own `/generate`. Written from its documentation and issue threads; not verified live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datagov.errors import TargetRefused
from detectors.targets.http.wire import Asked, Generated, Prompt, Scored, need

__all__ = ["SGLANG", "pairs"]


class SGLang:
    """POST /generate with `return_logprob` and `logprob_start_len: 0`.

    `meta_info.input_token_logprobs` is a list of [log-probability, id, text or null], the first of them null.
    """

    name = "sglang"
    path = "/generate"
    live = False
    takes_ids = True
    one_by_one = False
    statistics = frozenset({"top1", "top_logprobs"})

    def scoring(self, prompts: Sequence[Prompt], asked: Asked) -> dict[str, Any]:
        """Return the request."""
        return {**self._request(prompts, 1, asked), "logprob_start_len": 0}

    def scored(self, answer: Any, prompts: Sequence[Prompt]) -> list[Scored]:
        """Return the entries of the prompts' own tokens."""
        rows = []
        for one in _one_a_prompt(answer, prompts):
            facts = need(one, "meta_info", dict)
            logprobs, ids = pairs(need(facts, "input_token_logprobs", list))
            tops = facts.get("input_top_logprobs")
            rows.append(
                Scored(
                    logprobs,
                    ids,
                    tops=None if not tops else [[value for value, *_ in top or []] for top in tops],
                )
            )
        return rows

    def generating(self, prompts: Sequence[Prompt], steps: int, asked: Asked) -> dict[str, Any]:
        """Return the request."""
        return self._request(prompts, steps, asked)

    def generated(self, answer: Any, prompts: Sequence[Prompt]) -> list[Generated]:
        """Return the continuations with their ids."""
        rows = []
        for one in _one_a_prompt(answer, prompts):
            logprobs, ids = pairs(need(need(one, "meta_info", dict), "output_token_logprobs", list))
            rows.append(Generated(str(one.get("text", "")), ids, logprobs, None))
        return rows

    def _request(self, prompts: Sequence[Prompt], steps: int, asked: Asked) -> dict[str, Any]:
        key = "text" if isinstance(prompts[0], str) else "input_ids"
        return {
            key: list(prompts),
            "sampling_params": {"max_new_tokens": steps, "temperature": 0},
            "return_logprob": True,
            "top_logprobs_num": asked.top,
        }


def pairs(entries: Sequence[Any]) -> tuple[list[float | None], list[int]]:
    """Return log-probabilities and ids of entries [log-probability, id, ...].

    Raises
    ------
    TargetRefused
        An entry is something else.
    """
    if not all(
        isinstance(entry, list) and len(entry) >= 2 and isinstance(entry[1], int) for entry in entries
    ):
        raise TargetRefused(
            "an entry of the answer's log-probabilities is not [log-probability, token id, ...]"
        )
    return [entry[0] for entry in entries], [entry[1] for entry in entries]


def _one_a_prompt(answer: Any, prompts: Sequence[Prompt]) -> list[Any]:
    rows = answer if isinstance(answer, list) else [answer]
    if len(rows) != len(prompts):
        raise TargetRefused(f"asked for {len(prompts)} prompts, the answer has {len(rows)}")
    return rows


SGLANG = SGLang()
