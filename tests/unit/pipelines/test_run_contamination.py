"""Runs with benchmarks as models of filters: what holds their items goes, and the file is known by its contents."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from governing import Governed
from made_corpora import prose, write_corpus

from datagov.errors import ConfigError
from pipelines.recipe import load_recipe

Run = Callable[..., Governed]
Make = Callable[..., Path]

ITEMS = {
    "q1": "Which of these rivers runs through the old harbour town that the northern merchants founded?",
    "q2": "下列哪一项是古代北方商人建立的港口城市最主要的贸易货物，并且直到今天仍然影响着当地居民的日常生活？",
}
TEXTS = {
    "clean": f"{prose(1)}.",
    "verbatim": f"{prose(2)}. {ITEMS['q1']} {prose(3)}.",
    "lines": "今天我们来看一道题目。\n" + ITEMS["q2"].replace("，", "\n") + "\n答案在下一页。",
    "part": "He asked which of these rivers runs through the old town.",
    "empty": "",
}


@pytest.fixture
def make(tmp_path: Path, recipe: Make) -> Make:
    """Write the corpus, a benchmark and a recipe of this filter."""
    write_corpus(tmp_path / "corpus", TEXTS, shards=2, row_group_rows=2)
    lines = [json.dumps({"question": text, "id": name}, ensure_ascii=False) for name, text in ITEMS.items()]
    (tmp_path / "quiz.jsonl").write_text("\n".join(lines), "utf-8")

    def make(filter_: dict[str, Any]) -> Path:
        return recipe(tmp_path, steps=[{"filter": filter_}])

    return make


QUIZ = {"family": "contamination", "benchmark": "quiz.jsonl", "fields": ["question"], "id": "id"}


def removed(done: Governed) -> set[str]:
    return {key for key, row in done.decisions().items() if row["action"] == "remove"}


def test_documents_that_hold_items_go(make: Make, govern: Run) -> None:
    done = govern(make({"models": {"quiz": QUIZ}, "bounds": {"quiz_ngram_count": {"max": 0}}}), part_rows=2)
    assert removed(done) == {"verbatim", "lines"}
    (family,) = done.manifest["recipe"]["steps"][0]["families"]
    assert {key: family["params"][key] for key in ("n", "shortest", "items", "items_too_short")} == {
        "n": 13, "shortest": 8, "items": 2, "items_too_short": 0,
    }  # fmt: skip
    assert set(family["params"]["benchmark"]) == {"sha256"}
    spans = done.rows(
        "SELECT id, rule, term, span_start, span_end FROM spans JOIN documents USING (doc_id) ORDER BY id"
    )
    assert [(row["id"], row["rule"], row["term"]) for row in spans] == [
        ("lines", "quiz_item", "q2"),
        ("verbatim", "quiz_item", "q1"),
    ]
    stretch = TEXTS["verbatim"][spans[1]["span_start"] : spans[1]["span_end"]]
    assert stretch == ITEMS["q1"].rstrip("?")
    rows = done.rows(
        "SELECT id, quiz_item_count, quiz_item_ngram_fraction FROM signals_filter JOIN documents USING (doc_id)"
    )
    assert {row["id"]: (row["quiz_item_count"], row["quiz_item_ngram_fraction"]) for row in rows} == {
        "clean": (0, 0.0), "verbatim": (1, 1.0), "lines": (1, 1.0), "part": (0, 0.0), "empty": (0, 0.0),
    }  # fmt: skip


def test_a_convention_that_asks_for_a_share(make: Make, govern: Run) -> None:
    palm = {**QUIZ, "preset": "palm"}
    done = govern(
        make({"models": {"quiz": palm}, "where": "quiz_item_ngram_fraction < 0.7"}), workers=2, part_rows=1
    )
    assert removed(done) == {"verbatim", "lines"}
    lower = govern(make({"models": {"quiz": palm}, "where": "quiz_item_ngram_fraction < 0.1"}), part_rows=1)
    assert removed(lower) == {"verbatim", "lines", "part"}


def test_a_benchmark_without_its_fields_is_refused(make: Make) -> None:
    with pytest.raises(
        ConfigError, match=r"models\.quiz: benchmark .*quiz\.jsonl: row 0 has no field 'text'"
    ):
        load_recipe(make({"models": {"quiz": {**QUIZ, "fields": []}}}))
