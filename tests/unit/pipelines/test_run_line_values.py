"""Runs with a filter that measures single lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from governing import Governed, govern, write_recipe, write_shard

from datagov.signals.line_signals import LINE_SIGNALS

TEXTS = {"a": "• One JAVASCRIPT page.\n \nno 4\n", "b": "", "c": "我们在北京。", "d": "Two words"}
FILTER = {
    "name": "seen",
    "filter": {"profile": "redpajama-v2", "when": {"script": "latin"}, "otherwise": "keep"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_shard(
        tmp_path / "corpus" / "a.parquet", {"id": list(TEXTS), "text": list(TEXTS.values())}, row_group_rows=2
    )
    return tmp_path


def values(done: Governed, name: str) -> list[dict[str, Any]]:
    rows = done.rows(
        "SELECT id, line, line_start, line_end, rule, value, denominator FROM line_values JOIN documents USING (doc_id) "
        "ORDER BY line, rule"
    )
    return [row for row in rows if row["id"] == name]


def test_the_ledger_has_every_line_of_what_the_filter_speaks_of(folder: Path) -> None:
    done = govern(write_recipe(folder, steps=[FILTER]), part_rows=2)
    rows = values(done, "a")
    places = [(row["line"], row["line_start"], row["line_end"]) for row in rows[:: len(LINE_SIGNALS.rules)]]
    assert places == [(0, 0, 22), (2, 25, 29)]
    assert {row["rule"]: row["value"] for row in rows if row["line"] == 0} == {
        "line_bullet_fraction": 1.0,
        "line_javascript_count": 1.0,
        "line_numeric_fraction": 0.0,
        "line_terminal_fraction": 1.0,
        "line_uppercase_fraction": 11 / 22,
        "words_per_line": 3.0,
    }
    assert {row["rule"]: row["value"] for row in rows if row["line"] == 2}["line_numeric_fraction"] == 0.25
    assert [row["denominator"] for row in rows if row["rule"] == "line_javascript_count"] == [None, None]
    assert len(values(done, "d")) == len(LINE_SIGNALS.rules)
    assert values(done, "b") == values(done, "c") == []


def test_a_run_without_line_signals_has_the_view(folder: Path) -> None:
    assert govern(write_recipe(folder)).rows("SELECT * FROM line_values") == []
