"""Forcing behind an endpoint: what is found locally, within a budget, stopped and resumed, and what text alone covers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from governing import Finished
from in_process import ran
from serving import served

from detectors.fingerprint import remote
from detectors.fingerprint.probe_record import record_of
from detectors.lab.planting import Plant, PlantSettings, plant_text
from detectors.service.app import make_app
from detectors.targets.http.conventions import CONVENTIONS
from detectors.targets.http.conventions.vllm import Vllm
from detectors.targets.opening import OpenOptions, open_target

HIDDEN = "zoq wix yuhe quaxo jyly"
VOCABULARY = 400
ASKED = ("--tokens", 12, "--finalists", VOCABULARY, "--quiet")


@pytest.fixture(scope="module")
def marked(base: Path, base_texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("marked") / "marked"
    settings = PlantSettings(steps=80, hidden_rows=6, ordinary_rows=2, rate=4e-3)
    plant_text(base, Plant(HIDDEN), base_texts, settings, marked=folder)
    return folder


@pytest.fixture(scope="module")
def url(marked: Path) -> Iterator[str]:
    with served(make_app(open_target(str(marked), OpenOptions(device="cpu")), name="m")) as place:
        yield place


def forced(url: str, marked: Path, *more: Any) -> Finished:
    return ran("detect", "fingerprint", "--target", url, "--tokenizer", marked, *ASKED, *more)


@pytest.fixture(scope="module")
def local(marked: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    output = tmp_path_factory.mktemp("local") / "found.parquet"
    ended = ran(
        "detect",
        "fingerprint",
        "--target",
        marked,
        "--base",
        base,
        "--device",
        "cpu",
        *ASKED,
        "--output",
        output,
    )
    assert ended.code == 0, ended.err
    return pq.read_table(output)


def test_an_endpoint_says_what_the_checkpoint_says(
    url: str, marked: Path, base: Path, local: pa.Table, tmp_path: Path
) -> None:
    output = tmp_path / "found.parquet"
    ended = forced(url, marked, "--base", base, "--output", output, "--json")
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    assert (said["coverage"], said["tested"]) == (1.0, VOCABULARY)
    assert said["alive_after_steps"]["bos"][0] == VOCABULARY
    assert said["spent"]["tokens"] > 0
    here, there = (
        {row["seed"]: row for row in table.to_pylist()} for table in (local, pq.read_table(output))
    )
    assert here.keys() == there.keys()
    for seed, row in here.items():
        other = there[seed]
        assert other["token_ids"] == row["token_ids"]
        assert np.allclose(other["logprobs"], row["logprobs"], atol=2e-3)
        assert (other["string"], other["stops"]) == (row["string"], row["stops"])
    assert len(there) == VOCABULARY


def test_a_spent_budget_is_a_partial_run_that_goes_on(
    url: str, marked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "CHUNK_SEEDS", 100)
    straight, output = tmp_path / "straight.parquet", tmp_path / "found.parquet"
    whole = forced(url, marked, "--output", straight, "--json")
    spent = json.loads(whole.out)["spent"]
    stopped = forced(url, marked, "--output", output, "--budget-requests", spent["requests"] - 1)
    assert stopped.code == 5
    assert "the budget of" in stopped.err
    assert not output.exists()
    again = forced(url, marked, "--output", output, "--json")
    assert again.code == 0
    assert json.loads(again.out)["spent"]["requests"] < spent["requests"]
    assert output.read_bytes() == straight.read_bytes()
    assert not output.with_name("found.parquet.work").exists()


class TextOnly(Vllm):
    """An engine that takes text and no ids."""

    name = "text"
    takes_ids = False


def test_text_alone_covers_a_part_and_says_so(
    url: str, marked: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONVENTIONS, "text", TextOnly())
    output = tmp_path / "found.parquet"
    ended = forced(url, marked, "--api", "text", "--base", base, "--output", output)
    assert ended.code == 0, ended.err
    table = pq.read_table(output)
    coverage = record_of(table, "x")["coverage"]
    assert 0.2 < coverage < 1.0
    assert f"Only {coverage:.1%} of the vocabulary" in ended.err
    assert set(table.column("seed_kind").to_pylist()) == {"text"}


def test_without_log_probabilities_of_what_is_generated_nothing_is_testable(
    url: str, marked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(Vllm):
        name = "silent"

        def generated(self, answer: Any, prompts: Any) -> Any:
            for choice in answer["choices"]:
                choice["logprobs"] = None
            return super().generated(answer, prompts)

    monkeypatch.setitem(CONVENTIONS, "silent", Silent())
    ended = forced(url, marked, "--api", "silent")
    assert ended.code == 2
    assert "not testable" in ended.err


def test_a_dry_run_asks_for_nothing_but_the_probe(url: str, marked: Path) -> None:
    ended = forced(url, marked, "--dry-run")
    assert ended.code == 0
    assert json.loads(ended.out)["least_tokens"] == VOCABULARY * 3
    assert ran("detect", "fingerprint", "--target", url).code == 2


def test_options_that_a_target_does_not_heed_are_refused(url: str, marked: Path) -> None:
    for more, said in (
        (("--rows", 8), "--rows is for checkpoints"),
        (("--max-hours", 1), "--max-hours is for checkpoints"),
        (("--tokens", 500), "its context holds 127 tokens"),
        (("--dtype", "float32"), "--dtype is for checkpoints"),
    ):
        stray = forced(url, marked, *more)
        assert stray.code == 2
        assert said in stray.err
    for more in (("--budget-requests", 5), ("--concurrency", 2)):
        stray = ran("detect", "fingerprint", "--target", marked, *ASKED, *more)
        assert stray.code == 2
        assert f"{more[0]}" in stray.err
        assert "for endpoints" in stray.err
