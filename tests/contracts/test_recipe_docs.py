"""docs/recipes.md speaks of every step, every option, and every name an option takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from project import ROOT

import datagov
from datagov.contamination.presets import PRESETS as PRESETS_OF_BENCHMARKS
from datagov.edits.simplify import CONFIGS
from datagov.edits.span_dedup import PRESETS as PRESETS_OF_SPANS
from datagov.edits.unit_keys import IGNORED
from datagov.edits.units import UNITS
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
        ("span_dedup", [*PRESETS_OF_SPANS, *UNITS, *IGNORED]),
        ("simplify", list(CONFIGS)),
        ("width", list(TABLE)),
        ("filter", list(PRESETS_OF_BENCHMARKS)),
    ],
)
def test_the_names_an_option_takes_are_described(kind: str, names: list[str]) -> None:
    assert [name for name in names if f"`{name}`" not in SECTIONS[kind]] == []


def test_the_profile_of_the_page_is_one(tmp_path: Path) -> None:
    (example,) = [
        block for block in re.findall(r"```yaml\n(.*?)```", RECIPES, re.DOTALL) if "\nnot_included:" in block
    ]
    (tmp_path / "house-rules.yaml").write_text(example)
    values = datagov.measure(["a few words"], tmp_path / "house-rules.yaml")
    assert values.column("word_count").to_pylist() == [3]
    assert "repeated_char_ngram_fraction" in values.column_names
