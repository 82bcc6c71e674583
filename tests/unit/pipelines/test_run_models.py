"""Runs with filters that read models from files, each under a name of the recipe's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from classifying import write_classifier
from governing import Finished, Governed, contents
from made_corpora import write_corpus

from datagov.errors import ConfigError
from datagov.ledger.explain import explain
from datagov.model_files import sha256_of
from pipelines.recipe import load_recipe
from pipelines.what_if import what_if

Run = Callable[..., Governed]
Make = Callable[..., Path]

TEXTS = {f"d{at:02d}": "x" * (1 + at % 4) + "y" * (at % 3) for at in range(30)} | {"blank": " "}
TWO = {
    "models": {
        "rude": {"family": "classifier", "model": "rude/card.json"},
        "good": {"family": "classifier", "model": "good/card.json", "label": "no"},
    },
    "bounds": {"rude_score": {"max": 0.5}, "good/good_score": {"min": 0.1, "missing": "keep"}},
}


@pytest.fixture
def make(tmp_path: Path, recipe: Make) -> Make:
    """Write the corpus, two models and a recipe of these filters."""
    write_corpus(tmp_path / "corpus", TEXTS, shards=2, row_group_rows=5)
    write_classifier(tmp_path / "rude", {"y": 1.0, "x": 0.0})
    write_classifier(tmp_path / "good", {"x": 0.7, "y": 0.0})

    def make(*filters: dict[str, Any]) -> Path:
        return recipe(tmp_path, steps=[{"filter": each} for each in filters])

    return make


def removed(governed: Governed) -> set[str]:
    return {key for key, row in governed.decisions().items() if row["action"] == "remove"}


def test_two_models_of_one_family_decide_each_under_its_name(make: Make, govern: Run, tmp_path: Path) -> None:
    done = govern(make(TWO), part_rows=10)
    assert removed(done) == {key for key, text in TEXTS.items() if "y" in text}
    rude, good = done.manifest["recipe"]["steps"][0]["families"]
    assert (rude["family"], rude["of"], good["family"]) == ("rude@1", "classifier@1", "good@1")
    assert rude["params"] == {
        "label": "yes",
        "library": "",
        "model": {"sha256": sha256_of(tmp_path / "rude/card.json")},
    }
    assert good["params"]["label"] == "no"
    rows = done.rows("SELECT family, signal, max FROM bounds ORDER BY signal")
    assert [(row["family"], row["signal"]) for row in rows] == [
        ("good@1", "good_score"),
        ("rude@1", "rude_score"),
    ]
    told = explain(done.ledger, "d05")["steps"][0]["signals"]
    assert [(each["signal"], each["denominator"]) for each in told] == [
        ("rude_score", 1_000_000),
        ("good_score", 1_000_000),
    ]
    assert explain(done.ledger, "blank")["steps"][0]["signals"][0]["value"] is None


def test_a_moved_file_measures_nothing_again_and_a_changed_one_does(
    make: Make, govern: Run, tmp_path: Path
) -> None:
    first = govern(make(TWO))
    shutil.copytree(tmp_path / "rude", tmp_path / "elsewhere/rude")
    rude = {**TWO["models"]["rude"], "model": str(tmp_path / "elsewhere/rude/card.json")}
    moved = {**TWO, "models": {**TWO["models"], "rude": rude}}
    assert govern(make(moved)).manifest["run_id"] == first.manifest["run_id"]
    shutil.rmtree(tmp_path / "rude")
    write_classifier(tmp_path / "rude", {"x": 1.0})
    changed = govern(make(TWO))
    assert changed.manifest["run_id"] != first.manifest["run_id"]
    assert removed(changed) != removed(first)


def test_spawned_workers_read_it_and_give_the_same_bytes(make: Make, govern: Run, tmp_path: Path) -> None:
    path = make(TWO)
    one = govern(path, part_rows=10)
    two = govern(path, part_rows=10, workers=2, output=str(tmp_path / "two"))
    assert contents(one.out, "ledger", "data") == contents(two.out, "ledger", "data")


@pytest.mark.parametrize("file", ["card.json", "weights.npz"])
@pytest.mark.parametrize("gone", [True, False])
def test_a_worker_without_the_same_file_refuses(make: Make, tmp_path: Path, file: str, gone: bool) -> None:
    from governing import plan_of

    from datagov.classifiers import model
    from pipelines.executors.local import LocalExecutor
    from pipelines.progress import Reporter
    from pipelines.run import run

    plan = plan_of(make(TWO))
    model.load.cache_clear()  # as in a worker's process
    if gone:
        (tmp_path / "rude" / file).unlink()
    else:
        (tmp_path / "rude" / file).write_bytes(b"{}")
    wanted = (
        "cannot be read: No such file" if gone else "sha256 44136fa355b3… here|sha256 44136fa355b3…, the card"
    )
    with Reporter(quiet=True) as reporter, pytest.raises(ConfigError, match=wanted):
        run(plan, LocalExecutor(1), reporter)


def test_deciding_again_needs_no_model(make: Make, govern: Run, tmp_path: Path) -> None:
    done = govern(make(TWO), part_rows=10)
    shutil.rmtree(tmp_path / "rude")
    answer = what_if(done.ledger, ["filter/rude_score.max=1", "filter/good/good_score.min=0"])
    assert (answer["exact"], answer["removed"]["low"]) == (True, 0)
    answer = what_if(done.ledger, ["filter/where=rude_score > 0.5 OR good_score < 0.3"])
    assert answer["exact"]


def test_the_commands_show_it_as_any_rule(make: Make, govern: Run, cli: Callable[..., Finished]) -> None:
    path = make(TWO)
    planned = cli("plan", path, "--json")
    assert planned.code == 0, planned.err
    done = govern(path)
    curve = cli("audit", "curve", "filter/rude_score", "--json", "--ledger", done.out)
    assert curve.code == 0, curve.err
    assert {row["value"] for row in json.loads(curve.out)["rows"]} >= {0.5}
    told = cli("explain", "d05", "--ledger", done.out)
    assert "rude_score" in told.out


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"rude": {"model": "rude/card.json"}}, "models.rude: the key 'family' is missing"),
        (
            {"rude": {"family": "clasifier", "model": "x"}},
            "no model family 'clasifier'. Did you mean 'classifier'",
        ),
        ({"rude": {"family": "words", "model": "x"}}, "'words@1' reads no model: name it under `signals`"),
        (
            {"rude": {"family": "classifier"}},
            "needs the parameter 'model': give a file's path beside `family`",
        ),
        ({"rude": {"family": "classifier", "model": 3}}, "model must be the path of a file, not 3"),
        ({"rude": {"family": "classifier", "model": "gone.json"}}, "gone.json: cannot be read: No such file"),
        ({"rude": {"family": "classifier", "model": "rude"}}, "a folder; name the file"),
        ({"rude": {"family": "classifier", "model": "rude/weights.npz"}}, "not a card of format 1"),
        (
            {"rude": {"family": "classifier", "model": "rude/card.json", "label": "yess"}},
            "has no label 'yess'. Did you mean 'yes'",
        ),
        (
            {"rude": {"family": "classifier", "model": "rude/card.json", "labels": "yes"}},
            "has no parameter 'labels'. Did you mean 'label'",
        ),
        (
            {"words": {"family": "classifier", "model": "rude/card.json"}},
            "there is a family 'words@1' already",
        ),
        (
            {"classifier": {"family": "classifier", "model": "rude/card.json"}},
            "family 'classifier@1' already",
        ),
        ({"Rude": {"family": "classifier", "model": "rude/card.json"}}, "must be of a-z, 0-9 and _"),
    ],
)
def test_what_cannot_be_used_is_refused(make: Make, models: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_recipe(make({"models": models}))
    assert message in raised.value.message
    assert "step 'filter': models." in raised.value.message


def test_a_model_family_is_not_measured_without_a_name(make: Make) -> None:
    with pytest.raises(ConfigError, match="name one under `models` of the filter"):
        load_recipe(make({"signals": "classifier"}))
