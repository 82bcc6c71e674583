"""`sweep` reads what `score` kept, and asks no model."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizing import SENTENCES, make_tokenizer
from typer.testing import CliRunner

from datagov.cli import build_app
from datagov.errors import ConfigError, InputError
from detectors.targets.ngram import save_ngram


def run(*arguments: Any) -> str:
    finished = CliRunner().invoke(build_app(), ["detect", *map(str, arguments)])
    if finished.exception is not None:
        raise finished.exception
    return finished.stdout


def sweep_of(traced: Path, texts: Path, settings: str) -> tuple[object, ...]:
    """A sweep of Min-K% over stored traces."""
    return ("sweep", traced, "--texts", texts, "--labels", texts, "--method", "min_k", "--set", settings)


@pytest.fixture
def traced(tmp_path: Path) -> Path:
    """Texts that an n-gram model was made of, as many that it was not, and their traces; the model is gone."""
    chance = random.Random(1)
    words = " ".join(SENTENCES).split()
    texts = [" ".join(chance.choices(words, k=30)) for _ in range(60)]
    model = tmp_path / "model.json"
    save_ngram(model, "\n".join(texts[:30]), make_tokenizer(tmp_path / "tokenizer", vocabulary=400))
    pq.write_table(pa.table({"text": texts, "label": [1] * 30 + [0] * 30}), tmp_path / "texts.parquet")
    store = tmp_path / "traces"
    run(
        "score", "--target", f"ngram:{model}", "--texts", tmp_path / "texts.parquet", "--methods", "loss",
        "--traces", store, "--output", tmp_path / "scores.parquet", "--quiet",
    )  # fmt: skip
    model.unlink()
    return store


def test_a_store_of_a_target_and_its_reference_is_read_by_name(traced: Path) -> None:
    texts, reference = traced.parent / "texts.parquet", traced.parent / "reference.json"
    save_ngram(reference, "\n".join(SENTENCES), traced.parent / "tokenizer")
    made = traced.parent / "again.parquet"
    run(
        "score", "--target", f"ngram:{reference}", "--texts", texts, "--methods", "loss",
        "--traces", traced, "--output", made, "--quiet",
    )  # fmt: skip
    read = ("score", "--target", f"traces:{traced}", "--texts", texts, "--methods", "loss", "--json")
    with pytest.raises(InputError, match=r"several sets of traces .* Say which by --model, as NAME"):
        run(*read)
    scores = [row["score"] for row in json.loads(run(*read, "--model", f"ngram:{reference}"))]
    assert scores == pq.read_table(made).column("score").to_pylist()
    asked = (*sweep_of(traced, texts, "k=0.5"), "--json")
    with pytest.raises(InputError, match="several sets of traces"):
        run(*asked)
    assert json.loads(run(*asked, "--model", f"ngram:{reference}"))["members"] == 30
    with pytest.raises(InputError, match="none that was asked for"):
        run(*asked, "--model", f"ngram:{reference}", "--window-tokens", 7)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--adapter", "folder"),
        ("--revision", "main"),
        ("--layout", "packed"),
        ("--api", "vllm"),
        ("--start-token", "<s>"),
        ("--key-variable", "KEY"),
        ("--dtype", "float64"),
        ("--device", "cpu"),
        ("--tokenizer", "folder"),
        ("--concurrency", "2"),
    ],
)
def test_options_of_a_model_are_refused_for_traces(traced: Path, option: str, value: str) -> None:
    read = (
        "score",
        "--target",
        f"traces:{traced}",
        "--texts",
        traced.parent / "texts.parquet",
        "--methods",
        "loss",
    )
    with pytest.raises(ConfigError, match=f"^{option} is for a model that is asked.* by --model"):
        run(*read, option, value)


def test_options_of_the_reference_are_taken_beside_traces(traced: Path) -> None:
    texts, reference = traced.parent / "texts.parquet", traced.parent / "reference.json"
    save_ngram(reference, "\n".join(SENTENCES), traced.parent / "tokenizer")
    read = ("score", "--target", f"traces:{traced}", "--texts", texts, "--reference", f"ngram:{reference}")
    found = run(*read, "--methods", "reference", "--dtype", "float64", "--json")
    assert len({row["score"] for row in json.loads(found)}) > 10


def test_every_setting_is_measured_without_the_model(traced: Path) -> None:
    texts = traced.parent / "texts.parquet"
    arguments = sweep_of(traced, texts, "k=0.1,0.5,1")
    found = json.loads(run(*arguments, "--json"))
    assert [one["params"]["k"] for one in found["settings"]] == [0.1, 0.5, 1]
    assert (found["members"], found["non_members"]) == (30, 30)
    assert found["best"]["auroc"]["value"] > 0.8
    assert run(*arguments).startswith("k\tAUROC")
    with pytest.raises(ConfigError, match=r"expected PARAM=A,B"):
        run(*arguments, "--set", "k")


def test_a_report_shows_tokens_without_the_model(traced: Path) -> None:
    place = traced.parent
    known = place / "known.parquet"
    other = random.Random(7)
    pq.write_table(
        pa.table({"text": [" ".join(other.choices(" ".join(SENTENCES).split(), k=30)) for _ in range(30)]}),
        known,
    )
    save_ngram(
        place / "model.json",
        "\n".join(pq.read_table(place / "texts.parquet").column("text").to_pylist()[:30]),
        place / "tokenizer/tokenizer.json",
    )
    run(
        "score", "--target", f"ngram:{place / 'model.json'}", "--texts", known, "--methods", "loss", "--output",
        place / "known-scores.parquet", "--quiet",
    )  # fmt: skip
    # The same texts after another start token, in the same store: the report is of those that the scores were made from.
    run(
        "score", "--target", f"ngram:{place / 'model.json'}", "--texts", place / "texts.parquet", "--methods", "loss",
        "--start-token", "a", "--traces", traced, "--output", place / "other-scores.parquet", "--quiet",
    )  # fmt: skip
    with pytest.raises(
        InputError, match=r"several sets of traces .* Say which by --model, as NAME or the digits"
    ):
        run(*sweep_of(traced, place / "texts.parquet", "k=0.5"))
    run(
        "report", place / "scores.parquet", "--calibration", place / "known-scores.parquet", "--method", "loss", "--texts",
        place / "texts.parquet", "--calibration-texts", known, "--traces", traced, "--tokenizer",
        place / "tokenizer/tokenizer.json", "--output", place / "report.html",
    )  # fmt: skip
    html = (place / "report.html").read_text()
    assert html.count('<p class="heat">') == 5
    assert "rgba(204, 102, 119, 1.0)" in html
    assert "log-probability of the token, in nats" in html
