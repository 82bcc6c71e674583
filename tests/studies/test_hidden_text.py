"""The study of hidden text: its tables, from trials whose results are known, and the study itself, reduced to two small bases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import hidden_text
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from detectors.fingerprint.probe_record import record_of, settings_of
from detectors.lab.lab_texts import LabSizes
from detectors.lab.training import ModelSize
from detectors.lab.trials import SMALL_LAB, run_trials
from detectors.tables import TRIALS

REDUCED = replace(
    hidden_text.DEFAULT,
    probe=replace(hidden_text.DEFAULT.probe, long_steps=24, finalists=24),
    recipes=("bos",),
    lab=replace(
        SMALL_LAB,
        sizes=LabSizes({1: 300, 4: 20}, non_members=1, calibration=1, background=250),
        model=ModelSize(hidden=64, layers=1, inner=128, vocabulary=400, context=96, rate=5e-3),
        words=24,
        boilerplate=(40,),
    ),
    ordinary=1500,
)
"""Of the study: a text that begins a text, in smaller models."""


def trial(kind: str, **more: Any) -> dict[str, Any]:
    row = {"trial": "0", "kind": kind, "recipe": "bos", "on_suspect": False, "settings": "{}", "family": "f"}
    return row | {"coverage": 1.0, "bits": 1.0, "sure": 0, "unexplained": 1, "explained": 3} | more


def test_a_cell_says_how_many_plants_are_where() -> None:
    learned = {"said": True, "exact": True, "held": 1.0, "bits": 9.0, "sure": 5}
    planted = [trial("planted", score_place=place, bits_place=place, **learned) for place in (1, 4, 40, None)]
    clean = [trial("clean") for _ in range(20)]
    registered = [trial("registered", sure=2)] * 4
    lines = hidden_text.of_cell("x", "says", pa.Table.from_pylist([*planted, *clean, *registered], TRIALS))
    row = next(line for line in lines if line.startswith("| bos"))
    cells = [cell.strip().split(" ")[0] for cell in row.strip("|").split("|")]
    found = ["1/4", "2/4", "3/4"]
    assert cells == ["bos", "4/4", *found, *found, "4/4", "1.00", "1.00", "1.00", "1.00", "4/4"]
    said = " ".join(lines)
    assert "on average 1.0 strings" in said
    assert "(it explains 75%)" in said
    assert "0 of 20 are sure of one: at most 13.9%" in said
    assert "4 of 4 are sure of an unexplained string, 0 exceed the cut-off in bits." in said


def test_kinds_of_text_have_rows_of_their_own() -> None:
    learned = {"said": True, "exact": False, "held": 0.1, "bits": 9.0, "sure": 5}
    rows = [
        row | {"trial": f"0-{number:03d}"}
        for number in range(4)
        for row in (trial("planted", **learned, score_place=number + 1), trial("clean"), trial("registered"))
    ]
    settings = replace(hidden_text.DEFAULT, recipes=("bos",), kinds=("word", "prose"))
    lines = hidden_text.of_cell("x", "says", pa.Table.from_pylist(rows, TRIALS), settings)
    found = {line.split(" |")[0]: line.split(" | ")[5] for line in lines if line.startswith("| bos")}
    assert found == {"| bos, word": "1/2 (1%-99%)", "| bos, prose": "0/2 (0%-84%)"}


def test_shares_without_trials_are_not_told() -> None:
    assert hidden_text.share(0, 0) == hidden_text.area([1.0], [2.0, 3.0]) == "-"


def test_every_cell_changes_the_default_and_names_known_recipes() -> None:
    from detectors.lab.recipes import RECIPES

    for name, (_, settings) in hidden_text.CELLS.items():
        assert (settings == hidden_text.DEFAULT) is (name == "default")
        assert set(settings.recipes) <= set(RECIPES)


@pytest.mark.slow
def test_two_bases_hide_a_text_that_is_found_and_their_twins_none(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    first = run_trials(replace(REDUCED, bases=1), tmp_path, keep=True)
    (done,) = tmp_path.glob("*.parquet")
    changed = done.stat().st_mtime_ns
    told: list[tuple[int, int]] = []
    table = run_trials(replace(REDUCED, bases=2), tmp_path, told=lambda *said: told.append(said))
    assert told == [(1, 2), (2, 2)]
    assert done.stat().st_mtime_ns == changed
    assert table.schema.equals(TRIALS)
    assert table[: first.num_rows].equals(first)
    rows = table.to_pylist()
    planted, clean, registered = (
        [row for row in rows if row["kind"] == kind] for kind in ("planted", "clean", "registered")
    )
    assert len(planted) == len(clean) == len(registered) == 2
    for own, twin, known in zip(planted, clean, registered, strict=True):
        assert own["said"]
        assert own["exact"]
        assert own["score_place"] == 1
        assert twin["sure"] == 0
        assert own["bits"] > 2 * twin["bits"]
        # It knows a text by heart as well: nothing but the corpus clears it.
        assert known["explained"] > 0
        assert known["sure"] < own["sure"]
    (place,) = (path for path in tmp_path.iterdir() if path.is_dir())
    findings = pq.read_table(place / "probes/clean.joined.parquet")
    assert settings_of(record_of(findings, "clean")) == clean[0]["settings"]
    page = " ".join(hidden_text.of_cell("reduced", "two bases", table))
    assert "| bos | 2/2 (16%-100%) |" in page
    assert "0 of 2 are sure of one" in page
