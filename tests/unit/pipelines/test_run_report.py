"""What plan and run print for a person, and the same as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from datagov.cli import main

PROFILE = """
profile: few
version: 1
title: A bound
sources: {tests: made for the tests}
not_included: []
bounds:
  - {signal: word_count, min: 2, missing: keep, source: "tests, here"}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "few.yaml").write_text(PROFILE)
    texts = ["Two words.", "A full ｗｉｄｔｈ text.", "Word", "Two  more\r\nwords."]
    pq.write_table(pa.table({"id": ["a", "b", "c", "d"], "text": texts}), tmp_path / "in/part-0.parquet")
    written = {
        "dataset": "shown",
        "input": {"path": str(tmp_path / "in"), "id": "id"},
        "output": str(tmp_path / "out"),
        "steps": [
            {"width": {}},
            {"filter": {"profile": "few.yaml", "where": "word_count >= 1"}},
        ],
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(written))
    return path


def test_one_is_not_shown_as_several(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(recipe)]) == 0
    assert "(1 bound, 1 condition, remove)" in capsys.readouterr().out


def test_a_run_says_how_many_documents_an_edit_changed(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", str(recipe), "--workers", "1", "--quiet"]
    assert main(arguments) == 0
    header, edit, filtered = (line.split("\t") for line in capsys.readouterr().out.splitlines()[:3])
    assert header == ["step", "in", "kept", "removed", "% removed", "annotated", "changed"]
    assert edit == ["width", "4", "4", "0", "0.0", "0", "1"]
    assert filtered[1:] == ["4", "3", "1", "25.0", "0", ""]
    assert main([*arguments, "--json"]) == 0
    assert [step["changed"] for step in json.loads(capsys.readouterr().out)["steps"]] == [1, None]


def test_an_edit_counts_what_reached_it(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = yaml.safe_load(recipe.read_text())
    written["steps"] = [{"filter": {"where": "word_count < 3"}}, *written["steps"][:1]]
    recipe.write_text(yaml.safe_dump(written))
    assert main(["run", str(recipe), "--workers", "1", "--quiet", "--json"]) == 0
    assert [step["changed"] for step in json.loads(capsys.readouterr().out)["steps"]] == [None, 0]
