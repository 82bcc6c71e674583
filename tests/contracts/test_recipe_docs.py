"""docs/recipes.md speaks of every step, every option, and every name an option takes."""

from __future__ import annotations

import re

import pytest
from project import ROOT

from datagov.contamination.presets import PRESETS as PRESETS_OF_BENCHMARKS
from datagov.edits.simplify import CONFIGS
from datagov.edits.width import TABLE
from datagov.pii.kinds import NAMES
from datagov.signals.line_rules import PRESETS
from datagov.signals.phrases import GROUPS
from pipelines.step_specs import KINDS

RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", RECIPES, re.DOTALL | re.MULTILINE))
EVERYWHERE = {"when", "annotate"}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_step_and_its_options_are_described(kind: str) -> None:
    options = set(KINDS[kind].model_fields) - EVERYWHERE
    assert {name for name in options if f"`{name}`" not in SECTIONS[kind]} == set()


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("drop_lines", [*PRESETS, *GROUPS]),
        ("redact", list(NAMES)),
        ("simplify", list(CONFIGS)),
        ("width", list(TABLE)),
        ("filter", list(PRESETS_OF_BENCHMARKS)),
    ],
)
def test_the_names_an_option_takes_are_described(kind: str, names: list[str]) -> None:
    assert [name for name in names if f"`{name}`" not in SECTIONS[kind]] == []
