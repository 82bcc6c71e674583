"""The study of lab models, reduced to one small lab on texts made here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lab_models import SMALL
from membership_lab import (
    METHODS,
    LabFound,
    control_section,
    repetition_section,
    study_lab,
    trap_section,
)
from membership_passes import FURTHER


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> LabFound:
    folder: Path = tmp_path_factory.mktemp("study")
    return study_lab(folder, replace(SMALL, seed=1), None)


def test_what_is_seen_more_often_is_told_better(found: LabFound) -> None:
    value, low, high = found.gains["min_k"]
    assert low <= value <= high
    assert low > 0
    assert found.aurocs["min_k", 16].low > found.aurocs["min_k", 1].value


def test_further_passes_tell_members_seen_often(found: LabFound) -> None:
    for method in ("pac", "reference"):
        assert found.aurocs[method, 16].value > found.aurocs[method, 1].value
    assert found.aurocs["reference", 16].low > 0.5
    assert set(found.gains) >= {*METHODS, *FURTHER} - {
        "surp"
    }  # SURP is undefined for most texts of a small model


def test_the_trap_is_high_and_confounded(found: LabFound) -> None:
    assert found.trap_members.low > 0.5
    assert set(found.trap_verdicts) <= {"confounded", "not calibratable"}
    assert found.trap_verdicts["confounded"] > 0


def test_the_page_has_a_line_of_each_lab_and_method(found: LabFound) -> None:
    labs = {("made", 1): found}
    assert repetition_section(labs, SMALL).count("| made | 1 |") == len(METHODS) + len(FURTHER)
    assert "confounded" in trap_section(labs)
    assert control_section(labs).splitlines()[-1].startswith("| made | 1 | 50 | 0.0392 |")
