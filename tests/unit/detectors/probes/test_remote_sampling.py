"""Samples of a model behind an endpoint: those of the checkpoint it serves, within a budget, stopped and resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from drawn_model import save_drawn_model
from faulty_endpoint import FaultyEndpoint
from governing import Finished
from in_process import ran
from serving import served

from datagov.errors import ConfigError
from detectors.probes import remote_sampling
from detectors.probes.remote_sampling import draw_texts, seeds_of
from detectors.probes.sampling import inputs_of, scores_of
from detectors.targets.http.conventions import CONVENTIONS
from detectors.targets.http.opening import check_endpoint
from detectors.targets.http.target import HttpTarget
from detectors.targets.opening import OpenOptions, open_target
from detectors.targets.transformers_target import TransformersTarget

TOKENS, TOP_K, COUNT = 12, 5, 24


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of random weights that prefers some tokens; its context holds the probe."""
    return save_drawn_model(tmp_path_factory.mktemp("model"), context=320)


@pytest.fixture(scope="module")
def local(place: Path) -> TransformersTarget:
    found = open_target(str(place), OpenOptions(device="cpu"))
    assert isinstance(found, TransformersTarget)
    return found


@pytest.fixture(scope="module")
def corpus(local: TransformersTarget, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts that hold the longest sample."""
    path = tmp_path_factory.mktemp("corpus") / "texts.parquet"
    pq.write_table(pa.table({"text": ["nothing of it", max(expected(local, COUNT), key=len)]}), path)
    return path


@contextmanager
def endpoint(local: TransformersTarget, fault: str = "") -> Iterator[tuple[FaultyEndpoint, str]]:
    faulty = FaultyEndpoint(local, fault)
    with served(faulty.app) as url:
        yield faulty, url


def expected(local: TransformersTarget, count: int, top_k: int | None = TOP_K) -> list[str]:
    """Return what a server that draws by numpy's generator says for each seed."""
    texts = []
    for seed in seeds_of(0, count):
        said = local.sample(np.random.default_rng(seed).random((1, TOKENS)), top_k=top_k)
        texts.append(local.decode(said.token_ids.tolist()))
    return texts


def extracted(url: str, place: Path, corpus: Path, *more: Any) -> Finished:
    asked = ("detect", "extract", corpus, "--target", url, "--tokenizer", place, "--samples", COUNT)
    return ran(*asked, "--sample-tokens", TOKENS, "--top-k", TOP_K, "--suffix", 6, *more)


def drawing(faulty: FaultyEndpoint) -> list[dict[str, Any]]:
    return [request for request in faulty.seen if request.get("temperature") == 1]


@pytest.fixture(scope="module")
def honest(local: TransformersTarget) -> Iterator[tuple[FaultyEndpoint, str]]:
    """An endpoint without a fault."""
    with endpoint(local) as found:
        yield found


@pytest.fixture(scope="module")
def straight(
    honest: tuple[FaultyEndpoint, str], place: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """Where the command wrote its samples, and what it said."""
    output = tmp_path_factory.mktemp("straight") / "out.parquet"
    found = extracted(honest[1], place, corpus, "--smaller", place, "--output", output, "--json")
    assert found.code == 0, found.err
    return output, json.loads(found.out)


@pytest.mark.parametrize(("api", "top_k"), [("vllm", None), ("openai", TOP_K)])
def test_what_is_drawn_behind_an_endpoint_is_what_the_checkpoint_draws(
    local: TransformersTarget,
    place: Path,
    honest: tuple[FaultyEndpoint, str],
    api: str,
    top_k: int | None,
) -> None:
    faulty, url = honest
    before = len(drawing(faulty))
    target = check_endpoint(url, OpenOptions(tokenizer=place, api=api))
    assert isinstance(target, HttpTarget)
    found = draw_texts(target, count=COUNT, tokens=TOKENS, top_k=top_k, seed=0, store=None)
    again = draw_texts(target, count=4, tokens=TOKENS, top_k=top_k, seed=0, store=None)
    target._endpoint = replace(target._endpoint, convention=CONVENTIONS["tgi"])
    with pytest.raises(ConfigError, match="drawn over completions alone"):
        target.draw([1], tokens=3, top_k=2)
    target.close()
    assert found.texts == expected(local, COUNT, top_k)
    assert found.repeatable
    assert again.texts == found.texts[:4]
    assert len(set(found.texts)) > COUNT / 2
    asked = drawing(faulty)[before:]
    assert len(asked) == COUNT + 1 + 4 + 1
    assert all(request["prompt"] == [0] and request["top_p"] == 1 for request in asked)


def test_the_command_ranks_what_the_endpoint_says(
    local: TransformersTarget, straight: tuple[Path, dict[str, Any]]
) -> None:
    output, said = straight
    table = pq.read_table(output)
    texts = [text for text in dict.fromkeys(expected(local, COUNT)) if text]
    assert table.column("sample").to_pylist() == texts
    assert (said["samples"], said["distinct"], said["repeatable"]) == (COUNT, len(texts), True)
    assert said["from_texts"] >= 1
    for name, scores in scores_of(inputs_of(local, local, texts)).items():
        ours = table.column(name).to_numpy(zero_copy_only=False)
        np.testing.assert_allclose(ours, scores, rtol=1e-4, err_msg=name)
    assert said["spent"]["requests"] > COUNT + 1
    assert not output.with_name("out.parquet.work").exists()


def test_a_spent_budget_is_a_partial_run_that_goes_on(
    honest: tuple[FaultyEndpoint, str],
    straight: tuple[Path, dict[str, Any]],
    place: Path,
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote_sampling, "CHUNK", 8)
    (faulty, url), output = honest, tmp_path / "out.parquet"
    for budget in (("--budget-requests", 10), ("--budget-tokens", 10 * (TOKENS + 1))):
        before = len(drawing(faulty))
        stopped = extracted(url, place, corpus, "--smaller", place, "--output", output, *budget)
        assert stopped.code == 5
        assert f"what was answered is kept beside {output}: the same command goes on" in stopped.err
        assert len(drawing(faulty)) - before == 9
        assert not output.exists()
    more = ("--smaller", place, "--output", output, "--json", "--concurrency", 1)
    again = extracted(url, place, corpus, *more)
    assert again.code == 0, again.err
    assert json.loads(again.out)["spent"]["requests"] == straight[1]["spent"]["requests"] - 16
    assert output.read_bytes() == straight[0].read_bytes()
    assert not output.with_name("out.parquet.work").exists()


def test_a_smaller_model_behind_an_endpoint_is_asked_within_the_budget(
    honest: tuple[FaultyEndpoint, str],
    straight: tuple[Path, dict[str, Any]],
    place: Path,
    corpus: Path,
    tmp_path: Path,
) -> None:
    (faulty, url), output = honest, tmp_path / "out.parquet"
    local = ("--target", place, "--smaller", url, "--tokenizer", place, "--dtype", "float32")
    asked = ("detect", "extract", corpus, *local, "--samples", 8, "--sample-tokens", TOKENS, "--suffix", 6)
    spent = ran(*asked, "--budget-tokens", 5, "--top-k", TOP_K)
    assert spent.code == 5
    assert "nothing was kept: name a file for it (--output FILE)" in spent.err
    drawn = len(drawing(faulty))
    found = ran(*asked, "--top-k", TOP_K, "--budget-requests", 50, "--output", output, "--json")
    assert found.code == 0, found.err
    assert len(drawing(faulty)) == drawn
    assert json.loads(found.out)["spent"]["requests"] == 1
    np.testing.assert_allclose(pq.read_table(output).column("smaller").to_numpy(), 1, rtol=1e-4)
    both = extracted(url, place, corpus, "--smaller", url, "--json")
    assert json.loads(both.out)["spent"]["requests"] > straight[1]["spent"]["requests"]


def test_what_could_not_be_written_or_drawn_is_refused_before_anything_is(
    honest: tuple[FaultyEndpoint, str], place: Path, corpus: Path, tmp_path: Path
) -> None:
    faulty, url = honest
    before = len(faulty.seen)
    folder = extracted(url, place, corpus, "--output", tmp_path)
    assert (folder.code, "is a directory" in folder.err) == (2, True)
    seed = extracted(url, place, corpus, "--seed", -3)
    assert (seed.code, "--seed" in seed.err) == (2, True)
    assert len(faulty.seen) == before


def test_drawn_tokens_are_answered_without_log_probabilities(honest: tuple[FaultyEndpoint, str]) -> None:
    _, url = honest
    (model,) = httpx2.get(f"{url}/v1/models").json()["data"]
    request = {"model": model["id"], "prompt": [0], "max_tokens": 2, "temperature": 1, "seed": 5}
    assert httpx2.post(f"{url}/v1/completions", json=request).status_code == 200
    refused = httpx2.post(f"{url}/v1/completions", json=request | {"logprobs": 0})
    assert refused.status_code == 400
    assert "drawn tokens come without" in refused.json()["error"]["message"]


@pytest.mark.parametrize(("fault", "sent"), [("no_seed", False), ("forgets_seeds", True)])
def test_an_endpoint_without_seeds_is_said_to_be_one(
    local: TransformersTarget, place: Path, corpus: Path, fault: str, sent: bool
) -> None:
    with endpoint(local, fault) as (faulty, url):
        found = extracted(url, place, corpus)
        assert found.code == 0, found.err
    assert "another run will have other samples" in found.err
    assert all(("seed" in request) == sent for request in drawing(faulty)[1:])


def test_an_endpoint_that_never_draws_is_seen(local: TransformersTarget, place: Path, corpus: Path) -> None:
    with endpoint(local, "never_draws") as (_, url):
        found = extracted(url, place, corpus)
    assert found.code == 0, found.err
    assert "Every sample is the same text" in found.err


def test_what_cannot_be_ranked_is_not_drawn(local: TransformersTarget, place: Path, corpus: Path) -> None:
    with endpoint(local, "null_list") as (faulty, url):
        refused = extracted(url, place, corpus)
        assert (refused.code, drawing(faulty)) == (4, [])
        assert "log-probabilities of prompts are absent" in refused.err
        asked = ("detect", "extract", corpus, "--target", place, "--tokenizer", place, "--smaller", url)
        judged = ran(*asked, "--samples", 3, "--sample-tokens", TOKENS)
    assert judged.code == 4
    assert "log-probabilities of prompts are absent" in judged.err


def test_stray_budgets_are_refused(place: Path, corpus: Path) -> None:
    asked = ("detect", "extract", corpus, "--target", place, "--tokenizer", place, "--device", "cpu")
    for more in ((), ("--samples", 2)):
        stray = ran(*asked, *more, "--budget-requests", 5)
        assert stray.code == 2
        assert "--samples of an endpoint" in stray.err
