"""vLLM on CPU, serving a lab's checkpoint: its log-probabilities are those computed here, in both conventions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from lab_models import SMALL
from tokenizing import SENTENCES

from datagov.errors import TargetRefused
from detectors.lab.train import Lab
from detectors.membership import method
from detectors.ragged import TokenBatch
from detectors.scoring import Extras, make_inputs, tracer_of
from detectors.targets.http.target import HttpTarget
from detectors.targets.http.target import open_target as open_endpoint
from detectors.targets.opening import OpenOptions, open_target
from detectors.targets.target import Target
from detectors.targets.windows import plan_windows
from detectors.texts import read_texts

KEY = "k3y-of-the-test"
NATS = 1e-4
CONTEXT = SMALL.model.context


@pytest.fixture(scope="module")
def url(
    vllm_python: Path, lab: Lab, start_engine: Callable[..., AbstractContextManager[str]]
) -> Iterator[str]:
    command = [vllm_python, "-m", "vllm.entrypoints.openai.api_server", "--model", lab.model]
    command += ["--served-model-name", "lab", "--dtype", "float32", "--max-model-len", CONTEXT]
    command += ["--enforce-eager", "--max-logprobs", "20"]
    command += ["--host", "127.0.0.1", "--port", "PORT", "--api-key", KEY]
    with pytest.MonkeyPatch.context() as patch, start_engine(*command, ready="/health") as url:
        patch.setenv("DATAGOV_TARGET_KEY", KEY)
        yield url


@pytest.fixture(scope="module", params=["vllm", "openai"])
def target(request: pytest.FixtureRequest, url: str, lab: Lab) -> Iterator[HttpTarget]:
    target = open_endpoint(url, OpenOptions(tokenizer=lab.model, api=request.param))
    yield target
    target.close()


@pytest.fixture(scope="module")
def local(lab: Lab) -> Target:
    return open_target(str(lab.model), OpenOptions(device="cpu"))


def test_the_probe_finds_it_exact(target: HttpTarget) -> None:
    checks = {check.name: (check.outcome, check.detail) for check in target.conformance.checks}
    assert target.capabilities.prompt_logprobs == "exact", checks
    assert target.capabilities.generated_logprobs == "exact", checks
    assert target.capabilities.tolerance_nats < 1e-3
    assert target.capabilities.context_tokens == CONTEXT - 1
    assert {name for name, (outcome, _) in checks.items() if outcome == "failed"} == set()
    assert checks["tokenizer"][0] == "passed"
    if target.conformance.convention == "vllm":
        assert target.capabilities.statistics == {"rank", "top1", "top_logprobs"}
        assert target.capabilities.top_logprobs == 20


def test_traces_over_http_are_those_made_here(target: HttpTarget, local: Target, lab: Lab) -> None:
    texts = [*SENTENCES, *pq.read_table(lab.texts("labelled")).column("text").to_pylist()[::20]]
    encoded = target.encode(texts)
    windows = TokenBatch.of([[0, *encoded.row(row)][: CONTEXT - 1] for row in range(len(encoded))])
    found, expected = target.trace(windows), local.trace(windows)
    assert np.array_equal(found.token_ids_T, expected.token_ids_T)
    np.testing.assert_allclose(found.logprob_T, expected.logprob_T, rtol=0, atol=NATS)
    if target.conformance.convention == "vllm":
        assert found.rank_T is not None
        assert found.top_TK is not None
        np.testing.assert_allclose(found.top1_T, expected.top1_T, rtol=0, atol=NATS)
        # Tokens of like probability may change places.
        assert np.mean(found.rank_T == expected.rank_T) > 0.99
        inside = np.flatnonzero(found.rank_T < 20)
        own = found.top_TK[inside, found.rank_T[inside]]
        np.testing.assert_allclose(own, found.logprob_T[inside], rtol=0, atol=NATS)
    target.confirm()


def test_greedy_continuations_are_those_made_here(target: HttpTarget, local: Target) -> None:
    encoded = target.encode(SENTENCES)
    prefixes = TokenBatch.of([[0, *encoded.row(row)[:8]] for row in range(len(encoded))])
    if target.conformance.convention == "openai":
        with pytest.raises(TargetRefused, match="strings only"):
            target.force(prefixes, 6)
        return
    found, expected = target.force(prefixes, 6), local.force(prefixes, 6)
    assert found.token_ids_NS.tolist() == expected.token_ids_NS.tolist()
    np.testing.assert_allclose(found.logprob_NS, expected.logprob_NS, rtol=0, atol=NATS)


def test_scores_over_http_are_those_made_here(target: HttpTarget, local: Target, lab: Lab) -> None:
    texts = read_texts(str(lab.texts("calibration")))
    methods = [method(name) for name in ("loss", "min_k", "dc_pdd")]
    plan = plan_windows(local, window_tokens=CONTEXT - 2)
    found, expected = (
        make_inputs(tracer_of(one, plan), texts, methods, Extras(frequency=lab.frequency))[0]
        for one in (target, local)
    )
    for one in methods:
        scores, own = (one.score(inputs, one.defaults).values for inputs in (found, expected))
        assert len(scores) == SMALL.sizes.calibration
        np.testing.assert_allclose(scores, own, rtol=1e-4, atol=NATS)
