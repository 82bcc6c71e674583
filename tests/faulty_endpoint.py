"""An endpoint over our honest one that lies, cuts, stalls or dies as it is told; no test logic."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from datagov.errors import InputError
from detectors.service.completions import Completions, ServiceLimits
from detectors.service.messages import CompletionRequest
from detectors.targets.target import Target

__all__ = ["LIES", "FaultyEndpoint"]

Json = dict[str, Any]
CONTEXT = 300
Change = Callable[[Json, Json], None]
"""Changes an answer in place; the second argument is the request."""


def of_prompt(change: Callable[[list[float]], list[Any]]) -> Change:
    """A lie about the log-probabilities of a prompt's tokens after the first, in both conventions."""

    def apply(answer: Json, request: Json) -> None:
        for choice, prompt in zip(answer["choices"], prompts_of(request), strict=True):
            if request.get("echo"):
                values = choice["logprobs"]["token_logprobs"]
                end = len(prompt)
                values[1:end] = change(values[1:end])
            if "prompt_logprobs" in choice and not isinstance(prompt, str):
                entries = choice["prompt_logprobs"]
                own = [
                    entry[str(token)]["logprob"] for token, entry in zip(prompt[1:], entries[1:], strict=True)
                ]
                for token, entry, value in zip(prompt[1:], entries[1:], change(own), strict=True):
                    entry[str(token)]["logprob"] = value

    return apply


def prompts_of(request: Json) -> list[Any]:
    prompt = request["prompt"]
    return [prompt] if isinstance(prompt, str) or isinstance(prompt[0], int) else prompt


def null_list(answer: Json, request: Json) -> None:
    for choice, prompt in zip(answer["choices"], prompts_of(request), strict=True):
        if request.get("echo"):
            choice["logprobs"]["token_logprobs"] = [None] * len(choice["logprobs"]["token_logprobs"])
        if "prompt_logprobs" in choice:
            choice["prompt_logprobs"] = [None] * len(prompt)


def one_null(answer: Json, _request: Json) -> None:
    """What one port of vLLM answered: a list of one null."""
    for choice in answer["choices"]:
        if "prompt_logprobs" in choice:
            choice["prompt_logprobs"] = [None]


def no_echo(answer: Json, request: Json) -> None:
    """Echo and log-probabilities are taken for unknown fields and ignored."""
    for choice in answer["choices"]:
        choice["logprobs"] = None
        choice.pop("prompt_logprobs", None)
        if request.get("echo"):
            choice["text"] = ""


def entries_of_others(answer: Json, _request: Json) -> None:
    """`prompt_logprobs` moved by one with their keys."""
    for choice in answer["choices"]:
        if "prompt_logprobs" in choice:
            choice["prompt_logprobs"] = [None, *choice["prompt_logprobs"][2:], choice["prompt_logprobs"][-1]]


def swapped(answer: Json, _request: Json) -> None:
    """Each of several prompts gets another's answer."""
    indices = [choice["index"] for choice in answer["choices"]]
    for choice, index in zip(answer["choices"], reversed(indices), strict=True):
        choice["index"] = index


def unordered(answer: Json, _request: Json) -> None:
    """No lie: each choice says whose it is."""
    answer["choices"].reverse()


def wrong_generated(answer: Json, request: Json) -> None:
    """Generated tokens get half of their log-probability."""
    if not request.get("echo"):
        for choice in answer["choices"]:
            if choice["logprobs"]:
                values = choice["logprobs"]["token_logprobs"]
                choice["logprobs"]["token_logprobs"] = [value / 2 - 0.5 for value in values]


LIES: dict[str, Change] = {
    "off_by_one": of_prompt(lambda values: [*values[1:], values[-1]]),
    "off_by_one_late": of_prompt(lambda values: [values[0], *values[:-1]]),
    "zeros": of_prompt(lambda values: [0.0] * len(values)),
    "nan": of_prompt(lambda values: [*values[:-1], float("nan")]),
    "positive": of_prompt(lambda values: [*values[:-1], 0.25]),
    "floor": of_prompt(lambda values: [-9999.0, *values[1:]]),
    "text_for_a_number": of_prompt(lambda values: [*values[:-1], "-1.5"]),
    "null_list": null_list,
    "one_null": one_null,
    "no_echo": no_echo,
    "entries_of_others": entries_of_others,
    "swapped": swapped,
    "unordered": unordered,
    "wrong_generated": wrong_generated,
}


class FaultyEndpoint:
    """Serves a target, with one thing wrong; `app` is the application, `requests` counts completions."""

    def __init__(self, target: Target, fault: str = "", *, after: int = 0, heals: bool = False) -> None:
        self.target = target
        self.fault = fault
        self.after = after
        """Completions that are answered well before the fault shows."""
        self.heals = heals
        """Whether only one request after that meets it."""
        self.requests = 0
        self.seen: list[Json] = []
        self.app = FastAPI()
        self.app.get("/v1/models")(self.models)
        self.app.post("/v1/completions")(self.complete)

    def models(self) -> Json:
        return {"object": "list", "data": [{"id": "trigram", "owned_by": "faulty", "max_model_len": CONTEXT}]}

    async def complete(self, request: Request) -> Response:
        asked = await request.json()
        self.requests += 1
        self.seen.append(asked)
        late = self.requests > self.after
        if not late or not self.fault:
            return self.honest(asked)
        fault, self.fault = self.fault, "" if self.heals else self.fault
        if fault in LIES:
            try:
                answer = self.answer(asked)
            except InputError as error:
                return JSONResponse({"error": {"message": error.message}}, 400)
            LIES[fault](answer, asked)
            return Response(json.dumps(answer), media_type="application/json")
        answered = getattr(self, fault)(asked)
        return await answered if inspect.isawaitable(answered) else answered

    def answer(self, asked: Json) -> Json:
        return Completions(self.target, "trigram", ServiceLimits()).answer(CompletionRequest(**asked))

    def honest(self, asked: Json) -> Response:
        try:
            return JSONResponse(self.answer(asked))
        except InputError as error:
            return JSONResponse({"error": {"message": error.message}}, 400)

    def doubled_bos(self, asked: Json) -> Response:
        start = self.target.facts.start_token_id
        rows = [row if isinstance(row, str) else [start, *row] for row in prompts_of(asked)]
        return self.honest({**asked, "prompt": rows})

    def truncated(self, asked: Json) -> Response:
        """Keep the last 200 tokens, as servers do that cut on the left and say nothing."""
        rows = [row if isinstance(row, str) else row[-200:] for row in prompts_of(asked)]
        return self.honest({**asked, "prompt": rows})

    def strings_only(self, asked: Json) -> Response:
        if not isinstance(asked["prompt"], str):
            return JSONResponse({"error": {"message": "prompt must be a string"}}, 400)
        return self.honest(asked)

    def ids_break(self, asked: Json) -> Response:
        """Fail inside on ids, as llama-cpp-python's server does."""
        return self.honest(asked) if isinstance(asked["prompt"], str) else self.broken(asked)

    def llama_server(self, asked: Json) -> Response:
        """Ignore `echo` and `prompt_logprobs`, and say what was generated as chats do: llama.cpp's server."""
        plain = {name: value for name, value in asked.items() if name not in {"echo", "prompt_logprobs"}}
        answer = self.answer({**plain, "return_token_ids": True, "logprobs": 1})
        for choice in answer["choices"]:
            told = zip(choice.pop("token_ids"), choice["logprobs"]["token_logprobs"], strict=True)
            choice["logprobs"] = {
                "content": [
                    {
                        "id": token,
                        "token": "",
                        "logprob": value,
                        "top_logprobs": [{"id": token, "logprob": value}],
                    }
                    for token, value in told
                ]
            }
        return JSONResponse(answer)

    def older_llama_server(self, asked: Json) -> Response:
        """The same, which once failed inside on `echo`."""
        if asked.get("echo"):
            return JSONResponse({"error": {"message": "Only no echo is supported"}}, 500)
        return self.llama_server(asked)

    def single_only(self, asked: Json) -> Response:
        if len(prompts_of(asked)) > 1:
            return JSONResponse({"error": {"message": "one prompt a request"}}, 400)
        return self.honest(asked)

    def no_seed(self, asked: Json) -> Response:
        if "seed" in asked:
            return JSONResponse({"error": {"message": "seed is not supported"}}, 400)
        return self.honest(asked)

    def forgets_seeds(self, asked: Json) -> Response:
        return self.honest({name: value for name, value in asked.items() if name != "seed"})

    def never_draws(self, asked: Json) -> Response:
        return self.honest({**asked, "temperature": 0})

    def busy(self, _asked: Json) -> Response:
        return JSONResponse({"error": "later"}, 429, headers={"Retry-After": "0"})

    def broken(self, _asked: Json) -> Response:
        return Response("<html>Internal Server Error</html>", 500)

    def no_key(self, _asked: Json) -> Response:
        return JSONResponse({"error": {"message": "invalid key"}}, 401)

    async def slow(self, asked: Json) -> Response:
        await asyncio.sleep(4)
        return self.honest(asked)

    def dripping(self, _asked: Json) -> Response:
        async def drops() -> AsyncIterator[bytes]:
            for _ in range(40):
                await asyncio.sleep(0.05)
                yield b" "

        return StreamingResponse(drops(), media_type="application/json")

    def huge(self, _asked: Json) -> Response:
        return Response(b'"' + b"x" * 2_000_000 + b'"', media_type="application/json")

    def deep(self, _asked: Json) -> Response:
        return Response(b"[" * 100_000, media_type="application/json")

    def not_json(self, _asked: Json) -> Response:
        return Response(b"\x1b[31mok", media_type="text/plain")

    def no_choices(self, _asked: Json) -> Response:
        return JSONResponse({"choices": []})
