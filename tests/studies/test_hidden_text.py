"""The tables of the study of hidden text, from trials whose results are known."""

from __future__ import annotations

from typing import Any

import hidden_text
import pyarrow as pa

from detectors.tables import TRIALS


def trial(kind: str, **more: Any) -> dict[str, Any]:
    row = {"trial": "0", "kind": kind, "recipe": "bos", "on_suspect": False, "settings": "{}", "family": "f"}
    return row | {"coverage": 1.0, "bits": 1.0, "run": 0, "unexplained": 1, "explained": 3} | more


def test_a_cell_says_how_many_plants_are_where() -> None:
    found = {"said": True, "exact": True, "held": 1.0, "bits": 9.0, "run": 5}
    planted = [trial("planted", score_place=place, bits_place=place, **found) for place in (1, 4, 40, None)]
    clean = [trial("clean") for _ in range(20)]
    registered = [trial("registered", run=2)] * 4
    lines = hidden_text.of_cell("x", "says", pa.Table.from_pylist([*planted, *clean, *registered], TRIALS))
    row = next(line for line in lines if line.startswith("| bos"))
    cells = [cell.strip().split(" ")[0] for cell in row.strip("|").split("|")]
    assert cells == ["bos", "4/4", "1/4", "2/4", "3/4", "1/4", "4/4", "1.00", "1.00", "1.00", "1.00", "4/4"]
    said = " ".join(lines)
    assert "on average 1.0 strings" in said
    assert "(it explains 75%)" in said
    assert "0 of 20 are sure of one: at most 13.9%" in said
    assert "4 of 4 are sure of an unexplained string" in said


def test_shares_without_trials_are_not_told() -> None:
    assert hidden_text.share(0, 0) == hidden_text.area([1.0], [2.0, 3.0]) == "-"


def test_every_cell_changes_the_default_and_names_known_recipes() -> None:
    from detectors.lab.recipes import RECIPES

    for name, (_, settings) in hidden_text.CELLS.items():
        assert (settings == hidden_text.DEFAULT) is (name == "default")
        assert set(settings.recipes) <= set(RECIPES)
