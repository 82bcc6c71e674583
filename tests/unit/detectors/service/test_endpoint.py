"""Our own endpoint: the numbers of its target beside the right tokens, and refusals that say what it can do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizing
from examples import examples
from fastapi.routing import APIRoute
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from trigram import TrigramTarget

from datagov.errors import TargetUnavailable
from detectors.ragged import TokenBatch
from detectors.service.app import make_app
from detectors.service.completions import ServiceLimits

LIMITS = ServiceLimits(body_bytes=20_000, prompts=4, prompt_tokens=120, generated_tokens=6, waiting=1)


@pytest.fixture(scope="module")
def trigram(tmp_path_factory: pytest.TempPathFactory) -> TrigramTarget:
    return TrigramTarget(tokenizing.make_tokenizer(tmp_path_factory.mktemp("tokenizer"), vocabulary=300))


@pytest.fixture(scope="module")
def client(trigram: TrigramTarget) -> Iterator[TestClient]:
    with TestClient(make_app(trigram, limits=LIMITS)) as client:
        yield client


def complete(client: TestClient, **request: Any) -> Any:
    answer = client.post("/v1/completions", json={"model": "trigram", "max_tokens": 1, **request})
    assert answer.status_code == 200, answer.text
    return answer.json()


rows_of_ids = st.lists(st.lists(st.integers(0, 299), min_size=1, max_size=12), min_size=1, max_size=4)


@settings(max_examples=examples(25))
@given(rows=rows_of_ids, steps=st.integers(0, 3))
def test_echo_gives_each_token_its_own_value(
    trigram: TrigramTarget, client: TestClient, rows: list[list[int]], steps: int
) -> None:
    answer = complete(
        client,
        prompt=rows,
        max_tokens=steps,
        echo=True,
        logprobs=1,
        return_token_ids=True,
        return_tokens_as_token_ids=True,
    )
    assert [choice["index"] for choice in answer["choices"]] == list(range(len(rows)))
    for choice, row in zip(answer["choices"], rows, strict=True):
        # The oracle: the model itself, a token at a time.
        table = trigram.log_softmax(np.array([*row, *choice["token_ids"]]))
        tokens = [*row, *choice["token_ids"]]
        logprobs = choice["logprobs"]
        assert logprobs["tokens"] == [f"token_id:{token}" for token in tokens]
        assert logprobs["token_logprobs"][0] is logprobs["top_logprobs"][0] is None
        for at in range(1, len(tokens)):
            assert logprobs["token_logprobs"][at] == pytest.approx(table[at - 1, tokens[at]], abs=1e-5)
            best = int(table[at - 1].argmax())
            top = logprobs["top_logprobs"][at]
            assert set(top) == {f"token_id:{best}", f"token_id:{tokens[at]}"}
            assert top[f"token_id:{best}"] == pytest.approx(table[at - 1].max(), abs=1e-5)
        assert choice["token_ids"] == [
            int(value) for value in trigram.force(TokenBatch.of([row]), steps).token_ids_NS[0]
        ]
    assert answer["usage"]["prompt_tokens"] == sum(map(len, rows))
    assert answer["usage"]["completion_tokens"] == steps * len(rows)


@settings(max_examples=examples(15))
@given(row=st.lists(st.integers(0, 299), min_size=2, max_size=12))
def test_prompt_logprobs_are_keyed_by_id_and_ranked_from_one(
    trigram: TrigramTarget, client: TestClient, row: list[int]
) -> None:
    (choice,) = complete(client, prompt=row, prompt_logprobs=1)["choices"]
    entries = choice["prompt_logprobs"]
    table = trigram.log_softmax(np.array(row))
    assert entries[0] is None
    assert choice["logprobs"] is None
    for at in range(1, len(row)):
        own = entries[at][str(row[at])]
        assert own["logprob"] == pytest.approx(table[at - 1, row[at]], abs=1e-5)
        assert own["rank"] == 1 + int((table[at - 1] > table[at - 1, row[at]]).sum())
        best = entries[at][str(int(table[at - 1].argmax()))]
        assert best["rank"] == 1


def test_text_gets_the_start_token_and_ids_get_nothing(trigram: TrigramTarget, client: TestClient) -> None:
    text = "数据 plain"
    ids = trigram.encode([text]).token_ids.tolist()
    for special, expected in ((True, [0, *ids]), (False, ids)):
        tokenized = client.post("/tokenize", json={"prompt": text, "add_special_tokens": special}).json()
        assert tokenized["tokens"] == expected
        (choice,) = complete(client, prompt=text, add_special_tokens=special, return_token_ids=True)[
            "choices"
        ]
        assert choice["prompt_token_ids"] == expected
    (choice,) = complete(client, prompt=ids, return_token_ids=True)["choices"]
    assert choice["prompt_token_ids"] == ids


def test_the_model_says_how_long_prompts_may_be(client: TestClient) -> None:
    (model,) = client.get("/v1/models").json()["data"]
    assert (model["id"], model["max_model_len"]) == ("trigram", 120)


REFUSED = [
    ({"prompt": [1], "model": "other"}, "'other' is not served here"),
    ({"prompt": []}, "prompt"),
    ({"prompt": ""}, "prompt: empty|at least one"),
    ({"prompt": [[1], []]}, "empty"),
    ({"prompt": [300]}, "not in the vocabulary of 300"),
    ({"prompt": [-1]}, "greater than or equal to 0"),
    ({"prompt": [1.5]}, "prompt"),
    ({"prompt": [[1]] * 5}, "at most 4 a request"),
    ({"prompt": [1] * 120}, "121 tokens .* context is 120"),
    ({"prompt": [1], "max_tokens": 7}, "max_tokens: 7, at most 6"),
    ({"prompt": [1], "max_tokens": 0}, "goes with echo"),
    ({"prompt": [1], "logprobs": 5}, "at most 1 alternative"),
    ({"prompt": [1], "temperature": 0.7}, r"temperature: 0.7; expected 0 \(greedy\) or 1 \(drawn\)"),
    ({"prompt": [1], "temperature": 1.0}, "this target continues greedily alone"),
    ({"prompt": [1], "seed": -1}, "seed: Input should be greater than or equal to 0"),
    ({"prompt": [1], "top_p": 0.9}, "top_p"),
    ({"prompt": [1], "repetition_penalty": 1.2}, "repetition_penalty"),
    ({"prompt": [1], "best_of": 2}, "best_of: Extra inputs"),
    ({"prompt": [1], "stream": True}, "stream"),
]


@pytest.mark.parametrize(("request_", "said"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_cannot_be_answered_is_refused(client: TestClient, request_: dict[str, Any], said: str) -> None:
    import re

    answer = client.post("/v1/completions", json={"model": "trigram", "max_tokens": 1, **request_})
    if request_["prompt"] == "":  # the start token alone is a prompt
        assert answer.status_code == 200
        return
    assert answer.status_code == 400
    assert re.search(said, answer.json()["error"]["message"])


def test_a_body_past_the_cap_is_not_read_to_its_end(client: TestClient) -> None:
    answer = client.post("/v1/completions", json={"model": "trigram", "prompt": "x" * 30_000})
    assert answer.status_code == 413
    assert "20000 bytes" in answer.json()["error"]["message"]


def test_every_route_but_the_health_check_wants_the_key(trigram: TrigramTarget) -> None:
    app = make_app(trigram, key="k3y")
    with TestClient(app) as client:
        for path in paths_of(app):
            for header in (
                {},
                {"Authorization": "Bearer wrong"},
                {"Authorization": "Bearer schlüssel".encode()},
            ):
                status = {
                    client.request(method, path, headers=header).status_code for method in ("GET", "POST")
                }
                if path == "/health":
                    assert 200 in status
                else:
                    assert status <= {401, 405}
                    assert 401 in status
        assert client.get("/v1/models", headers={"Authorization": "Bearer k3y"}).status_code == 200


def paths_of(app: Any) -> list[str]:
    """Every path that the application answers, wherever its routers keep them."""
    found = []
    pending = list(app.routes)
    while pending:
        route = pending.pop()
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        pending.extend(getattr(inner, "routes", []))
        if isinstance(route, APIRoute):
            found.append(route.path)
    assert {"/health", "/v1/models", "/v1/completions", "/tokenize"} <= set(found)
    return found


class Waiting(TrigramTarget):
    """Answers when it is told to."""

    def __init__(self, tokenizer: Path) -> None:
        super().__init__(tokenizer)
        self.go, self.busy = threading.Event(), threading.Event()

    def force(self, prefixes: TokenBatch, steps: int) -> Any:
        self.busy.set()
        assert self.go.wait(20)
        return super().force(prefixes, steps)


def test_who_finds_the_queue_full_is_told_to_come_again(tmp_path: Path) -> None:
    target = Waiting(tokenizing.make_tokenizer(tmp_path, vocabulary=300))
    limits = ServiceLimits(waiting=0)
    request = {"model": "trigram", "prompt": [1], "max_tokens": 1}
    with TestClient(make_app(target, limits=limits)) as client:
        answers: list[int] = []
        first = threading.Thread(
            target=lambda: answers.append(client.post("/v1/completions", json=request).status_code)
        )
        first.start()
        assert target.busy.wait(20)
        second = client.post("/v1/completions", json=request)
        target.go.set()
        first.join(20)
        assert (answers, second.status_code) == ([200], 429)
        assert second.headers["retry-after"] == "1"
        assert client.post("/v1/completions", json=request).status_code == 200


class Broken(TrigramTarget):
    """Its model cannot be reached."""

    def force(self, prefixes: TokenBatch, steps: int) -> Any:  # noqa: ARG002 - it looks at nothing
        raise TargetUnavailable("the model is gone")


def test_a_target_that_fails_is_an_error_that_may_pass(tmp_path: Path) -> None:
    target = Broken(tokenizing.make_tokenizer(tmp_path, vocabulary=300))
    with TestClient(make_app(target), raise_server_exceptions=False) as client:
        answer = client.post("/v1/completions", json={"model": "trigram", "prompt": [1]})
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "the model is gone")
