"""The recipes that lie ready: they are read, and run over texts of both languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from classifying import write_classifier
from governing import DemoPlan, Governed, contents
from language_models import require_kenlm, write_lm

from datagov.cli import main
from datagov.errors import ConfigError
from pipelines.recipe import load_recipe
from pipelines.recipes import RECIPES, recipe_text

Run = Callable[..., Governed]

PAGES = Path(__file__).parents[3] / "docs/cascades"
CASCADES = [name for name in RECIPES if name != "bilingual"]
ORDER = {
    "map-cc": ["rules", "language", "exact", "minhash", "similar-lines"],
    "fineweb2-zh": ["language", "minhash", "rules", "repair", "redact"],
    "fineweb-en": ["language", "gopher", "c4-lines", "c4", "fineweb", "minhash", "redact"],
    "yi-cascade": [
        "language",
        "rules-zh",
        "perplexity-zh",
        "quality",
        "paragraphs",
        "length",
        "minhash",
        "exact",
        "safety",
    ],
}
"""Steps of each in the order of its paper; others may stand between."""


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Write a recipe as `init` does, and the models that `yi-cascade` asks for."""

    def write(name: str) -> Path:
        if not (tmp_path / name).exists():
            assert main(["init", str(tmp_path / name), "--recipe", name]) == 0
        if name == "yi-cascade" and not (tmp_path / name / "models").exists():
            require_kenlm()
            models = tmp_path / name / "models"
            for language in ("zh", "en"):
                write_lm(models / f"{language}-lm")
            write_classifier(models / "quality", {"the": 0.5, "的": 0.25})
            write_classifier(models / "safety", {"xxx": 5.0})
        return tmp_path / name / "recipe.yaml"

    return write


def test_a_recipe_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'map-cc'"):
        recipe_text("mapcc")


@pytest.mark.parametrize("name", CASCADES)
def test_a_cascade_has_its_page_and_the_order_of_its_paper(name: str, written: Callable[[str], Path]) -> None:
    steps = [step.name for step in load_recipe(written(name)).steps]
    places = [steps.index(step) for step in ORDER[name]]
    assert places == sorted(places)
    page = (PAGES / f"{name}.md").read_text("utf-8")
    assert [step for step in steps if f"`{step}`" not in page] == []


def test_models_that_are_not_there_are_named(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path), "--recipe", "yi-cascade"]) == 0
    with pytest.raises(ConfigError, match=r"models/zh-lm/card\.json: cannot be read"):
        load_recipe(tmp_path / "recipe.yaml")


@pytest.mark.parametrize("name", CASCADES)
def test_a_cascade_runs_over_both_languages(
    name: str, demo_corpus: DemoPlan, written: Callable[[str], Path], govern: Run, tmp_path: Path
) -> None:
    done = govern(written(name), input_path=str(demo_corpus.corpus), output=str(tmp_path / "out"))
    assert done.counts["kept"] > 0
    assert done.rows("SELECT count(*) AS n FROM decisions") == [{"n": done.counts["documents_in"]}]
    again = govern(written(name), input_path=str(demo_corpus.corpus), output=str(tmp_path / "out"))
    assert again.manifest == done.manifest


def test_a_cascade_comes_to_the_same_in_parts_and_with_two_workers(
    demo_corpus: DemoPlan, written: Callable[[str], Path], govern: Run, tmp_path: Path
) -> None:
    path = written("yi-cascade")
    given = {"input_path": str(demo_corpus.corpus), "part_rows": 150}
    one = govern(path, output=str(tmp_path / "one"), **given)
    two = govern(path, output=str(tmp_path / "two"), workers=2, **given)
    assert contents(one.out, "ledger", "data") == contents(two.out, "ledger", "data")
