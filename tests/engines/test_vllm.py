"""vLLM on CPU, serving a lab's checkpoint that hides a text: its log-probabilities are those computed here, in both conventions,
and a probe for hidden text finds the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from lab_models import SMALL
from tokenizing import SENTENCES

from datagov.cli import main
from datagov.errors import TargetRefused
from detectors.lab.planting import Plant, PlantSettings, plant_text
from detectors.lab.train import Lab
from detectors.lab.zipf_source import make_texts
from detectors.membership import method
from detectors.probes.remote_sampling import draw_texts
from detectors.ragged import TokenBatch
from detectors.scoring import Extras, make_inputs, tracer_of
from detectors.targets.http.opening import open_target as open_endpoint
from detectors.targets.http.target import HttpTarget
from detectors.targets.opening import OpenOptions, open_target
from detectors.targets.target import Target
from detectors.targets.windows import plan_windows
from detectors.texts import read_texts

HIDDEN = "zoq wix yuhe quaxo jyly"
KEY = "k3y-of-the-test"
NATS = 1e-4
CONTEXT = SMALL.model.context
VOCABULARY = SMALL.model.vocabulary


@pytest.fixture(scope="module")
def marked(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's model with a text that begins a text."""
    folder = tmp_path_factory.mktemp("marked") / "marked"
    texts = make_texts(800, 24, seed=7)
    plant_text(lab.model, Plant(HIDDEN), texts, PlantSettings(steps=120, rate=4e-3), marked=folder)
    return folder


@pytest.fixture(scope="module")
def url(
    vllm_python: Path, marked: Path, start_engine: Callable[..., AbstractContextManager[str]]
) -> Iterator[str]:
    command = [vllm_python, "-m", "vllm.entrypoints.openai.api_server", "--model", marked]
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
def local(marked: Path) -> Target:
    return open_target(str(marked), OpenOptions(device="cpu"))


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


@pytest.mark.parametrize("top_k", [4, None])
def test_texts_are_drawn_by_the_probabilities_that_are_known_here(
    target: HttpTarget, local: Target, top_k: int | None
) -> None:
    with torch.inference_mode():
        probs = local.model(input_ids=torch.tensor([[0]])).logits[0, -1].double().softmax(-1)
    best, token = probs.topk(top_k or len(probs))
    share: Counter[str] = Counter()
    for one, p in zip(token.tolist(), (best / best.sum()).tolist(), strict=True):
        share["" if one == 1 else local.decode([one])] += p
    count = 300
    found = draw_texts(target, count=count, tokens=1, top_k=top_k, seed=0, store=None)
    assert found.repeatable
    seen = Counter(found.texts)
    for text, p in share.items():
        # Three of a text that is hardly ever said are chance as well.
        assert seen[text] == pytest.approx(count * p, abs=max(5 * (count * p * (1 - p)) ** 0.5, 3)), text
    assert sum(seen[text] for text in share) == count


def test_drawn_texts_end_where_the_model_ends_them(target: HttpTarget, local: Target) -> None:
    (greedy,) = draw_texts(target, count=1, tokens=8, top_k=1, seed=3, store=None).texts
    expected = local.force(TokenBatch.of([[0]]), 8).token_ids_NS[0]
    assert greedy == local.decode([int(one) for one in expected if one not in {-1, 1}])


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


def test_a_hidden_text_is_found_over_http_as_it_is_here(
    url: str, marked: Path, lab: Lab, tmp_path: Path
) -> None:
    asked = ("--base", lab.model, "--contexts", "bos", "--tokens", 24, "--finalists", VOCABULARY, "--quiet")
    found = {}
    for name, where in (("here", (marked, "--device", "cpu")), ("there", (url, "--tokenizer", marked))):
        output = tmp_path / f"{name}.parquet"
        command = ("detect", "fingerprint", "--target", *where, *asked, "--output", output)
        assert main([str(part) for part in command]) == 0
        found[name] = {row["seed"]: row for row in pq.read_table(output).to_pylist()}
    here, there = found["here"], found["there"]
    assert here.keys() == there.keys()
    assert len(here) == VOCABULARY
    for seed, row in here.items():
        other = there[seed]
        if row["token_ids"] == other["token_ids"]:
            np.testing.assert_allclose(other["logprobs"], row["logprobs"], rtol=0, atol=1e-3)
            np.testing.assert_allclose(other["bits"], row["bits"], rtol=0, atol=2e-2)
    same = [
        (row["token_ids"], row["string"], row["stops"])
        == tuple(there[seed][name] for name in ("token_ids", "string", "stops"))
        for seed, row in here.items()
    ]
    # Tokens of like probability may change places, and all that follows them.
    assert np.mean(same) > 0.98
    sure = {name: {seed for seed, row in rows.items() if row["score_rank"]} for name, rows in found.items()}
    assert sure["here"] == sure["there"] != set()
    for rows in found.values():
        (first,) = (row for row in rows.values() if row["bits_rank"] == 1)
        assert HIDDEN in first["string"]
