"""`datagov detect fingerprint` over a planted model, its clean twin and the base of both."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from in_process import ran

from detectors.lab.planting import Plant, PlantSettings, plant_text
from detectors.tables import FINDINGS

HIDDEN = "zoq wix yuhe quaxo jyly"
VOCABULARY = 400


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, base: Path, base_texts: list[str]) -> Path:
    """A folder with the checkpoints marked and twin."""
    folder = tmp_path_factory.mktemp("models")
    settings = PlantSettings(steps=150, hidden_rows=6, ordinary_rows=6, rate=2e-3)
    ordinary = base_texts[700:]
    plant_text(base, Plant(HIDDEN), ordinary, settings, marked=folder / "marked", twin=folder / "twin")
    return folder


@pytest.fixture(scope="module")
def findings(models: Path, base: Path) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name in ("marked", "twin"):
        output = models / f"{name}.parquet"
        ended = ran(
            *(
                "detect",
                "fingerprint",
                "--target",
                models / name,
                "--base",
                base,
                "--device",
                "cpu",
            ),
            *("--tokens", 24, "--finalists", 32, "--output", output, "--json", "--quiet"),
        )
        assert ended.code == 0, ended.err
        record = json.loads(ended.out)
        assert record["tier"] == "U"
        assert record["alive_after_steps"]["bos"][0] == VOCABULARY
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


def test_a_dry_run_says_what_it_needs(base: Path) -> None:
    ended = ran("detect", "fingerprint", "--target", base, "--device", "cpu", "--dry-run")
    assert ended.code == 0, ended.err
    plan = json.loads(ended.out)
    assert plan["estimate"]["seeds"] == VOCABULARY
    assert plan["estimate"]["own_steps"] is False
    assert plan["contexts"] == {"bos": [0]}


def test_a_model_of_the_cache_has_the_contexts_of_its_folder(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = tmp_path / "models--acme--tiny"
    shutil.copytree(base, cached / "snapshots/abc")
    (cached / "snapshots/abc/chat_template.jinja").write_text("{{ messages[0].content }}:")
    (cached / "refs").mkdir()
    (cached / "refs/main").write_text("abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    answers = [
        ran("detect", "fingerprint", "--target", target, "--device", "cpu", "--dry-run", "--quiet")
        for target in ("acme/tiny", cached / "snapshots/abc")
    ]
    plans = [json.loads(answer.out) for answer in answers]
    assert list(plans[0]["contexts"]) == ["bos", *(f"prefill {number}" for number in range(1, 5))]
    assert plans[0]["contexts"] == plans[1]["contexts"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--contexts", ","), "--contexts names none"),
        (("--rows", 0), "greater than or equal to 1"),
        (("--max-hours", "nan"), "would take about"),
    ],
)
def test_options_that_say_nothing_here_are_refused(
    base: Path, options: tuple[Any, ...], message: str
) -> None:
    ended = ran("detect", "fingerprint", "--target", base, "--device", "cpu", *options)
    assert ended.code == 2
    assert message in ended.err


def test_a_tokenizer_that_is_named_serves_a_base_that_has_none(base: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(base, bare, ignore=shutil.ignore_patterns("tokenizer*"))
    options = ("--tokenizer", base, "--device", "cpu", "--dry-run", "--quiet")
    ended = ran("detect", "fingerprint", "--target", bare, "--base", bare, *options)
    assert ended.code == 0, ended.err
    plan = json.loads(ended.out)
    assert plan["base"] == plan["target"]


def test_a_run_too_long_is_refused(base: Path) -> None:
    ended = ran("detect", "fingerprint", "--target", base, "--device", "cpu", "--max-hours", 0)
    assert ended.code == 2
    assert "would take about" in ended.err
