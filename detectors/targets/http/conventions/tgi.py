"""TGI's `/generate` with prefill details. Written from its documentation; not verified live."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from datagov.errors import TargetRefused
from detectors.targets.http.wire import Asked, Generated, Prompt, Scored, need

__all__ = ["TGI"]


class Tgi:
    """POST /generate with `details` and `decoder_input_details`; the server needs `--enable-prefill-logprobs`.

    It takes text alone and adds its own start token. The ids it repeats are compared with those that were
    meant, so that a text it cuts into other tokens is refused.
    """

    name = "tgi"
    path = "/generate"
    live = False
    takes_ids = False
    one_by_one = True
    statistics: frozenset[str] = frozenset()

    def scoring(self, prompts: Sequence[Prompt], asked: Asked) -> dict[str, Any]:  # noqa: ARG002 - one model, no alternatives
        """Return the request."""
        return _request(prompts[0], 1, prefill=True)

    def scored(self, answer: Any, prompts: Sequence[Prompt]) -> list[Scored]:  # noqa: ARG002 - one prompt
        """Return the prefill's entries; the first has no log-probability, written as null or NaN."""
        entries = need(need(_only(answer), "details", dict), "prefill", list)
        values = [need(entry, "id", int) for entry in entries]
        logprobs = [entry.get("logprob") for entry in entries]
        if logprobs and isinstance(logprobs[0], float) and math.isnan(logprobs[0]):
            logprobs[0] = None
        return [Scored(logprobs, values)]

    def generating(self, prompts: Sequence[Prompt], steps: int, asked: Asked) -> dict[str, Any]:  # noqa: ARG002 - the same
        """Return the request; without sampling it decodes greedily."""
        return _request(prompts[0], steps, prefill=False)

    def generated(self, answer: Any, prompts: Sequence[Prompt]) -> list[Generated]:  # noqa: ARG002 - the same
        """Return the continuation with its ids."""
        one = _only(answer)
        tokens = need(need(one, "details", dict), "tokens", list)
        ids = [need(token, "id", int) for token in tokens]
        return [
            Generated(
                str(one.get("generated_text", "")), ids, [token.get("logprob") for token in tokens], None
            )
        ]


def _request(prompt: Prompt, steps: int, *, prefill: bool) -> dict[str, Any]:
    if not isinstance(prompt, str):
        raise TypeError("TGI is asked with text")
    parameters = {
        "max_new_tokens": steps,
        "details": True,
        "decoder_input_details": prefill,
        "do_sample": False,
    }
    return {"inputs": prompt, "parameters": parameters}


def _only(answer: Any) -> Any:
    if isinstance(answer, list):
        if len(answer) != 1:
            raise TargetRefused(f"asked for one prompt, the answer has {len(answer)}")
        return answer[0]
    return answer


TGI = Tgi()
