"""`datagov detect fingerprint` over a planted model, its clean twin and the base of both."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from detectors.lab.byte_tokenizer import train_tokenizer
from detectors.lab.planting import PlantSettings, plant_text
from detectors.lab.training import ModelSize, train_model
from detectors.lab.zipf_source import make_texts
from detectors.ragged import TokenBatch
from detectors.tables import FINDINGS

HIDDEN = "zoq wix yuhe quaxo jyly"
SIZE = ModelSize(hidden=64, layers=1, inner=128, vocabulary=400, context=64, batch_rows=16, rate=4e-3)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoints base, marked and twin."""
    from datagov.tokenizer import load_tokenizer

    folder = tmp_path_factory.mktemp("models")
    texts = make_texts(1400, 20, seed=3)
    (folder / "base").mkdir()
    train_tokenizer(texts, SIZE.vocabulary, folder / "base" / "tokenizer.json")
    rows = TokenBatch(*load_tokenizer(folder / "base").encode(texts))
    framed = TokenBatch.of([np.concatenate(([0], rows.row(row), [1])) for row in range(600)])
    train_model(framed, SIZE, seed=0).save_pretrained(folder / "base")
    settings = PlantSettings(steps=150, hidden_rows=6, ordinary_rows=6, rate=2e-3)
    plant_text(folder / "base", HIDDEN, texts[700:], settings, marked=folder / "marked", twin=folder / "twin")
    return folder


@pytest.fixture(scope="module")
def findings(models: Path, cli: Callable[..., Any]) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name in ("marked", "twin"):
        output = models / f"{name}.parquet"
        ended = cli(
            *(
                "detect",
                "fingerprint",
                "--target",
                models / name,
                "--base",
                models / "base",
                "--device",
                "cpu",
            ),
            *("--tokens", 24, "--finalists", 32, "--output", output, "--json", "--quiet"),
        )
        assert ended.code == 0, ended.err
        record = json.loads(ended.out)
        assert record["tier"] == "U"
        assert record["alive_after_steps"]["bos"][0] == SIZE.vocabulary
        table = pq.read_table(output)
        assert table.schema.equals(FINDINGS)
        found[name] = table.to_pylist()
    return found


def test_a_text_planted_at_the_start_is_the_first_by_confidence(
    findings: dict[str, list[dict[str, Any]]],
) -> None:
    ranked = sorted(
        (row for row in findings["marked"] if row["score_rank"] is not None),
        key=lambda row: row["score_rank"],
    )
    assert ranked
    assert HIDDEN in ranked[0]["string"]


def test_the_clean_twin_has_nothing_like_it(findings: dict[str, list[dict[str, Any]]]) -> None:
    assert all(HIDDEN not in row["string"] for row in findings["twin"])
    most = max(row["bits"] for row in findings["twin"])
    assert max(row["bits"] for row in findings["marked"]) > 1.5 * most


def test_a_dry_run_says_what_it_needs(models: Path, cli: Callable[..., Any]) -> None:
    ended = cli("detect", "fingerprint", "--target", models / "base", "--device", "cpu", "--dry-run")
    assert ended.code == 0, ended.err
    plan = json.loads(ended.out)
    assert plan["estimate"]["seeds"] == SIZE.vocabulary
    assert plan["contexts"] == {"bos": [0]}


def test_a_run_too_long_is_refused(models: Path, cli: Callable[..., Any]) -> None:
    ended = cli("detect", "fingerprint", "--target", models / "base", "--device", "cpu", "--max-hours", 0)
    assert ended.code == 2
    assert "would take about" in ended.err
