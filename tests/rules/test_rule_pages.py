"""docs/rules.md is what the rules and profiles say, and its examples do what they show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from datagov.conditions import Condition
from datagov.profiles import PROFILES, load_profile
from datagov.rule_pages import examples, introduction, page, with_example_lists
from datagov.signals import FAMILIES, MODEL_FAMILIES

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


@pytest.fixture(scope="module")
def made() -> str:
    """The page as it is made now."""
    return page()


def test_the_page_is_up_to_date(made: str) -> None:
    assert PAGE.read_text("utf-8") == made, "run: python -m datagov.rule_pages > docs/rules.md"


def test_every_profile_family_and_rule_has_its_heading(made: str) -> None:
    lines = set(made.splitlines())
    assert {f"### {name}" for name in PROFILES} <= lines
    families = (*FAMILIES, *MODEL_FAMILIES)
    assert {f"## {family.id}" for family in families} <= lines
    assert {f"### {rule.name}" for family in families for rule in family.rules} <= lines


@pytest.mark.parametrize("name", PROFILES)
def test_each_bound_keeps_one_example_and_is_crossed_by_another(name: str) -> None:
    profile = with_example_lists(load_profile(name))
    for bound in profile.bounds:
        example = examples(profile, bound)
        low = -float("inf") if bound.min is None else bound.min
        high = float("inf") if bound.max is None else bound.max
        assert example.kept is not None
        assert low <= example.kept <= high
        if "char_distinct_fraction" in bound.signal:
            # A repeated character stands twice, so that the script's 0.6 is out of reach.
            assert example.text is None
        else:
            assert example.crossed is not None, bound.signal
            assert not low <= example.crossed <= high


def test_the_page_shows_what_a_profile_asks_besides_its_bounds() -> None:
    condition = Condition("few", [">", ["signal", "word_count"], ["number", 6.0]], "keep", "Me 2024, here")
    profile = replace(load_profile("gopher-en"), conditions=(condition,))
    assert "- `few`: `word_count > 6`, missing: keep; Me 2024, here." in list(introduction([profile]))
