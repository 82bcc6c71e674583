"""vLLM on CPU, serving a checkpoint: its log-probabilities are those of the weights, in both conventions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizing import SENTENCES
from transformers import AutoModelForCausalLM

from detectors.ragged import TokenBatch
from detectors.targets.http.target import HttpTarget, open_target
from detectors.targets.opening import OpenOptions

KEY = "k3y-of-the-test"
NATS = 1e-4


@pytest.fixture(scope="module")
def url(
    vllm_python: Path, tiny_model: Path, start_engine: Callable[..., AbstractContextManager[str]]
) -> Iterator[str]:
    command = [vllm_python, "-m", "vllm.entrypoints.openai.api_server", "--model", tiny_model]
    command += [
        "--served-model-name",
        "tiny",
        "--dtype",
        "float32",
        "--max-model-len",
        "256",
        "--enforce-eager",
    ]
    command += ["--host", "127.0.0.1", "--port", "PORT", "--api-key", KEY, "--max-logprobs", "20"]
    with start_engine(*command, ready="/health") as url:
        yield url


@pytest.fixture(scope="module", params=["vllm", "openai"])
def target(request: pytest.FixtureRequest, url: str, tiny_model: Path) -> Iterator[HttpTarget]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATAGOV_TARGET_KEY", KEY)
        target = open_target(url, OpenOptions(tokenizer=tiny_model, api=request.param))
        yield target
        target.close()


def logprobs_of(checkpoint: Path, row: list[int]) -> np.ndarray:
    """ln p of every token after each position, float64[n, V], as torch computes it."""
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    with torch.no_grad():
        return torch.log_softmax(model(torch.tensor([row])).logits[0].double(), dim=-1).numpy()


def test_the_probe_finds_it_exact(target: HttpTarget) -> None:
    checks = {check.name: (check.outcome, check.detail) for check in target.conformance.checks}
    assert target.capabilities.prompt_logprobs == "exact", checks
    assert target.capabilities.generated_logprobs == "exact", checks
    assert target.capabilities.tolerance_nats < 1e-3
    assert target.capabilities.context_tokens == 255
    assert {name for name, (outcome, _) in checks.items() if outcome == "failed"} == set()
    assert checks["tokenizer"][0] == "passed"
    if target.conformance.convention == "vllm":
        assert target.capabilities.statistics == {"rank", "top1", "top_logprobs"}
        assert target.capabilities.top_logprobs == 20


def test_traces_over_http_are_those_of_the_weights(target: HttpTarget, tiny_model: Path) -> None:
    encoded = target.encode(SENTENCES)
    rows = [[0, *encoded.row(row).tolist()] for row in range(len(encoded))]
    trace = target.trace(TokenBatch.of(rows))
    for at, row in enumerate(rows):
        table = logprobs_of(tiny_model, row)[:-1]
        own = table[np.arange(len(row) - 1), row[1:]]
        tokens = slice(trace.offsets[at], trace.offsets[at + 1])
        np.testing.assert_allclose(trace.logprob_T[tokens], own, atol=NATS)
        if trace.top_TK is not None:
            expected = -np.sort(-table, axis=1)[:, :20]
            np.testing.assert_allclose(trace.top_TK[tokens], expected, atol=NATS)
        if trace.rank_T is not None:
            assert np.mean(trace.rank_T[tokens] == (table > own[:, None]).sum(axis=1)) > 0.99
    target.confirm()


def test_greedy_continuations_are_those_of_the_weights(target: HttpTarget, tiny_model: Path) -> None:
    if target.conformance.convention != "vllm":
        pytest.skip("this convention names generated tokens by strings")
    prefix: Any = [0, *target.encode([SENTENCES[0]]).row(0)[:8].tolist()]
    made = target.force(TokenBatch.of([prefix]), 6)
    row = [*prefix, *(int(token) for token in made.token_ids_NS[0] if token >= 0)]
    table = logprobs_of(tiny_model, row)
    for at in range(len(prefix), len(row)):
        assert row[at] == table[at - 1].argmax()
        assert made.logprob_NS[0, at - len(prefix)] == pytest.approx(table[at - 1].max(), abs=NATS)
