from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ledger_builder import Document, Run, doc_id, reason, write_output

from datagov.ledger.diff import changed_settings, diff
from datagov.ledger.diff_text import print_diff
from datagov.ledger.reader import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence
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
        "other_reasons": 0,
    }
    web = {
        "step": "filter-1",
        "documents": 1,
        "source_count": 1,
        "sources": [{"source": "web", "documents": 1}],
    }
    assert found["flips"] == [
        {
            "action_a": "remove",
            "action_b": "keep",
            "documents": 1,
            "by_rule": [{"rule": "mean_word_length min", **web}, {"rule": "word_count min", **web}],
        }
    ]
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


def crossing(rules: Sequence[str]) -> dict[str, Any]:
    """Return what the ledger says of a document that these bounds removed."""
    return {
        "action": "remove",
        "step": "filter-1",
        "reasons": [reason("filter-1", rule, 1, "min", 5) for rule in rules],
    }


@pytest.fixture
def two_runs(tmp_path: Path) -> tuple[Ledger, Ledger]:
    """Thirty documents removed by one more bound each, one kept again, one set aside, one by another bound."""
    names = [f"rule_{n:02}" for n in range(30)]
    texts = {name: f"a text {name}" for name in names}
    before = [Document(name, text, source=f"s{n % 5}") for n, (name, text) in enumerate(texts.items())]
    after = [
        Document(name, text, source=f"s{n % 5}", **crossing(names[n:]))
        for n, (name, text) in enumerate(texts.items())
    ]
    before += [Document("back", "b", **crossing(["x"])), Document("other", "o", **crossing(["x"]))]
    after += [Document("back", "b"), Document("other", "o", **crossing(["y"]))]
    before.append(Document("aside", "s"))
    after.append(Document("aside", None, action="error"))
    write_output(tmp_path / "a", tmp_path / "input", Run(before))
    write_output(tmp_path / "b", tmp_path / "elsewhere", Run(after, sample=0.5, min_words=2))
    return Ledger.open(tmp_path / "a"), Ledger.open(tmp_path / "b")


def test_flips_are_grouped_by_step_and_bound(two_runs: tuple[Ledger, Ledger]) -> None:
    found = diff(*two_runs)
    ways = [(way["action_a"], way["action_b"], way["documents"]) for way in found["flips"]]
    assert ways == [("keep", "remove", 30), ("remove", "keep", 1), ("keep", "error", 1)]
    lines = found["flips"][0]["by_rule"]
    assert [line["documents"] for line in lines] == list(range(30, 0, -1))
    assert lines[0]["rule"] == "rule_29 min"
    assert lines[0]["source_count"] == 5
    assert lines[0]["sources"] == [{"source": f"s{n}", "documents": 6} for n in range(3)]
    aside = found["flips"][2]["by_rule"]
    assert [(line["step"], line["rule"]) for line in aside] == [(None, None)]
    assert (found["documents"]["flipped"], found["documents"]["other_reasons"]) == (32, 1)


def test_the_input_and_its_sample_are_compared(two_runs: tuple[Ledger, Ledger]) -> None:
    changed = {change["path"]: change for change in diff(*two_runs)["input"]}
    assert set(changed) == {"path", "sample"}
    assert (changed["sample"]["a"], changed["sample"]["b"]) == (1.0, 0.5)
    whole, half = (ledger.title for ledger in two_runs)
    assert whole == f"r1 of test, recipe {two_runs[0].manifest['recipe_digest'][:8]}"
    assert half.endswith(", a sample of 0.5 of the documents")


def test_the_page_is_short_unless_all_is_asked_for(
    two_runs: tuple[Ledger, Ledger], capsys: pytest.CaptureFixture[str]
) -> None:
    found = diff(*two_runs, examples=0)
    print_diff(found, everything=False)
    short = capsys.readouterr().out
    assert "kept -> removed: 30 documents; a document counts at each bound it crossed\n" in short
    assert "  filter-1\trule_29 min\t30\ts0 6, s1 6, s2 6, and 2 more\n" in short
    assert "  and 24 more bounds (--all)\n" in short
    assert "kept -> set aside: 1 documents\n" in short
    assert "1 documents have the same verdict, for other reasons (--all tells which).\n" in short
    assert short.count("\n  filter-1\t") <= 20
    print_diff(found, everything=True)
    full = capsys.readouterr().out
    assert full.count("\n  filter-1\trule_") == 30
    assert "removed at filter-1 (x min)\tremoved at filter-1 (y min)\t1\n" in full


def test_a_run_does_not_differ_from_itself(out: Path) -> None:
    found = diff(Ledger.open(f"{out}@r1"), Ledger.open(f"{out}@r1"))
    assert (found["recipe"], found["changes"], found["examples"]) == ([], [], [])


def test_examples_are_limited_and_counts_are_not(out: Path) -> None:
    found = diff(Ledger.open(f"{out}@r1"), Ledger.open(f"{out}@r2"), examples=0)
    assert (found["examples"], found["documents"]["flipped"]) == ([], 1)


def test_a_step_more_does_not_show_the_others_as_changed() -> None:
    one = {"steps": [{"name": "a", "x": 1}, {"name": "b", "x": 1}]}
    two = {"steps": [{"name": "n", "x": 0}, {"name": "a", "x": 1}, {"name": "b", "x": 2}]}
    assert changed_settings(one, two) == [
        {"path": "steps.b.x", "a": 1, "b": 2},
        {"path": "steps.n", "a": None, "b": {"name": "n", "x": 0}},
    ]


def test_an_order_that_changed_is_told() -> None:
    steps = [{"name": "a"}, {"name": "b"}]
    assert changed_settings({"steps": steps}, {"steps": steps[::-1]}) == [
        {"path": "steps (order)", "a": ["a", "b"], "b": ["b", "a"]}
    ]
