from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_builder import doc_id

from datagov.ledger.diff import diff, recipe_changes
from datagov.ledger.reader import Ledger

if TYPE_CHECKING:
    from pathlib import Path


def test_two_runs_of_one_folder(out: Path) -> None:
    found = diff(Ledger.open(f"{out}@r1"), Ledger.open(f"{out}@r2"))
    assert (found["a"]["run_id"], found["b"]["run_id"]) == ("r1", "r2")
    assert found["recipe"] == [{"path": "steps.filter-1.bounds.word_count.min", "a": 5, "b": 2}]
    assert found["counts"]["kept"] == [6, 7]
    assert found["documents"] == {
        "in_both": 14,
        "only_in_a": 0,
        "only_in_b": 0,
        "text_changed": 0,
        "flipped": 1,
    }
    assert found["changes"] == [
        {
            "action_a": "remove",
            "step_a": "filter-1",
            "because_a": "mean_word_length min, word_count min",
            "action_b": "keep",
            "step_b": None,
            "because_b": "",
            "documents": 1,
        }
    ]
    assert [example["doc_id"] for example in found["examples"]] == [doc_id("short")]


def test_a_run_does_not_differ_from_itself(out: Path) -> None:
    found = diff(Ledger.open(f"{out}@r1"), Ledger.open(f"{out}@r1"))
    assert (found["recipe"], found["changes"], found["examples"]) == ([], [], [])


def test_examples_are_limited_and_counts_are_not(out: Path) -> None:
    found = diff(Ledger.open(f"{out}@r1"), Ledger.open(f"{out}@r2"), examples=0)
    assert (found["examples"], found["documents"]["flipped"]) == ([], 1)


def test_a_step_more_does_not_show_the_others_as_changed() -> None:
    one = {"steps": [{"name": "a", "x": 1}, {"name": "b", "x": 1}]}
    two = {"steps": [{"name": "n", "x": 0}, {"name": "a", "x": 1}, {"name": "b", "x": 2}]}
    assert recipe_changes(one, two) == [
        {"path": "steps.b.x", "a": 1, "b": 2},
        {"path": "steps.n", "a": None, "b": {"name": "n", "x": 0}},
    ]


def test_an_order_that_changed_is_told() -> None:
    steps = [{"name": "a"}, {"name": "b"}]
    assert recipe_changes({"steps": steps}, {"steps": steps[::-1]}) == [
        {"path": "steps (order)", "a": ["a", "b"], "b": ["b", "a"]}
    ]
