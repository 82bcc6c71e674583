"""Edits as steps: text states, and what the ledger says of every change."""
# ruff: noqa: S608 - step names of the tests themselves

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from governing import Governed, contents
from made_corpora import prose, write_corpus

from datagov.errors import ConfigError
from datagov.ledger.explain import explain
from datagov.ledger.explain_text import print_explanation
from datagov.ledger.queries import named_query, run_query
from pipelines.recipe import load_recipe

Run = Callable[..., Governed]

PROFILE = """
profile: lines
version: 1
title: Lines
sources: {tests: made for the tests}
not_included: []
bounds:
  - {signal: word_count, min: MIN, missing: keep, source: "tests, here"}
"""
MENU = "Home\nAbout us\n"
TEXTS = {
    "page": f"{MENU}ＡＢＣ is a fine library.[1]\n\nIt opened in １９９８.\nread more >>",
    "short": "one two",
    "menu": "Home\nAbout us\nHome and garden and more words here",
    "zh": "今天天氣很好，我們去圖書館看書。\n展開",
    "ja": "図書館へ行きました。\n国々の話です。",
    "broken": "The cafÃ© is open &amp; it is nice.\nIt was a fine day for all.",
    "twice": "This is the first line here.\nA second line is here.\nThis is the first line here.\n",
    "person": "His name is Li Lei and his number is 13812345678.\nHe reads mail at li.lei@qq.com every day.",
    "empty": "",
    "null": None,
    "not utf-8": b"\xff",
}
EDITS: list[dict[str, Any]] = [
    {"repair": {}},
    {"width": {}},
    {"simplify": {}},
    {
        "drop_lines": {
            "preset": "c4",
            "phrases": ["javascript", "policy", "read_more"],
            "when": {"script": "latin"},
        }
    },
    {"drop_repeated_lines": {}},
    {"redact": {"kinds": ["email", "mobile"], "tags": {"mobile": "NUMBER"}}},
]
AFTER = {
    "page": "ABC is a fine library.\nIt opened in 1998.",
    "short": "",
    "menu": "",
    "zh": "今天天气很好，我们去图书馆看书。\n展开",
    "ja": "図書館へ行きました。\n国々の話です。",
    "broken": "The café is open & it is nice.\nIt was a fine day for all.",
    "twice": "This is the first line here.\nA second line is here.",
    "person": "His name is Li Lei and his number is NUMBER.\nHe reads mail at <PI:EMAIL> every day.",
    "empty": "",
}


def cut(text: str, spans: list[tuple[int, int, str]], tags: dict[str, str]) -> str:
    """The text with each span replaced by the tag of its rule; by nothing, where the rule has none."""
    for (start, end), rule in sorted({span[:2]: span[2] for span in spans}.items(), reverse=True):
        text = text[:start] + tags.get(rule, "") + text[end:]
    return text


@pytest.fixture
def edited(tmp_path: Path, recipe: Callable[..., Path], govern: Run) -> Run:
    def edited(*steps: dict[str, Any], texts: dict[str, Any] = TEXTS, output: str = "out") -> Governed:
        write_corpus(tmp_path / "corpus", texts, shards=2, row_group_rows=3)
        for least in (2, 4):
            (tmp_path / f"min{least}.yaml").write_text(PROFILE.replace("MIN", str(least)))
        return govern(recipe(tmp_path, steps=list(steps)), part_rows=3, output=str(tmp_path / output))

    return edited


def exported(done: Governed) -> dict[str, str]:
    table = done.exported()
    texts = table.column("text").cast(pa.large_binary()).to_pylist()
    return dict(zip(table.column("id").to_pylist(), [text.decode() for text in texts], strict=True))


def spans(done: Governed, step: str) -> dict[str, list[tuple[int, int, str]]]:
    rows = done.rows(
        f"SELECT id, span_start, span_end, rule FROM spans JOIN documents USING (doc_id) WHERE step = '{step}'"
    )
    found: dict[str, list[tuple[int, int, str]]] = {}
    for row in rows:
        found.setdefault(row["id"], []).append((row["span_start"], row["span_end"], row["rule"]))
    return found


def test_every_edit_in_one_recipe(edited: Run) -> None:
    done = edited(*EDITS)
    assert exported(done) == AFTER
    tables = done.manifest["tables"]
    assert [entry["step"] for entry in tables["edits"]] == [next(iter(step)) for step in EDITS]
    assert [entry["step"] for entry in tables["spans"]] == ["drop_lines", "drop_repeated_lines", "redact"]


def test_cutting_the_spans_from_an_edits_input_gives_its_output(edited: Run) -> None:
    states = [exported(edited(*EDITS[:count], output=f"first {count}")) for count in range(3, 7)]
    done = edited(*EDITS)
    for position, step in enumerate(("drop_lines", "drop_repeated_lines", "redact")):
        found = spans(done, step)
        before, after = states[position], states[position + 1]
        tags = {"mobile": "NUMBER", "email": "<PI:EMAIL>"}
        assert {key: cut(text, found.get(key, []), tags) for key, text in before.items()} == after
        assert set(found) == {key for key in before if before[key] != after[key]}
        rows = done.rows(f"SELECT * FROM edits_{step} JOIN documents USING (doc_id)")
        sound = {row["id"]: row for row in rows if row["id"] in before}
        for key, row in sound.items():
            assert row["changed"] == (before[key] != after[key])
            assert (row["chars_before"], row["chars_after"]) == (len(before[key]), len(after[key]))


@pytest.fixture
def states() -> dict[str, str]:
    """Documents that a filter judges otherwise after the edit between."""
    return {
        "stays": "A first line of words.\nA second line of words.",
        "falls before": "one",
        "falls after": "Home page\nAbout\nIt is short.",
        "copy": "Menu\nA first line of words.\nA second line of words.",
        "near": f"Home\n{prose(1)}.",
        "near copy": f"{prose(1)}.\nContact us",
    }


def test_measuring_editing_and_measuring_again(edited: Run, states: dict[str, str]) -> None:
    """Two filters with the same signal see two texts; dedup and export see the last."""
    steps = [
        {"name": "before", "filter": {"profile": "min2.yaml"}},
        {"drop_lines": {"terminal_punctuation": True}},
        {"name": "after", "filter": {"profile": "min4.yaml"}},
        {"exact_dedup": {}},
        {"near_dedup": {}},
    ]
    done = edited(*steps, texts=states)

    def words(text: str) -> int:
        return len(text.replace(".", " ").split())

    def after(text: str) -> str:
        return "\n".join(line for line in text.split("\n") if line.endswith("."))

    expected: dict[str, str | None] = {}
    kept: dict[str, str] = {}
    for key, text in states.items():
        if words(text) < 2:
            expected[key] = "before"
        elif words(after(text)) < 4:
            expected[key] = "after"
        elif after(text) in kept.values():
            expected[key] = "exact_dedup"
        else:
            expected[key] = None
            kept[key] = after(text)
    assert {key: row["step"] for key, row in done.decisions().items()} == expected
    assert exported(done) == kept
    assert expected["falls before"] == "before"
    assert expected["falls after"] == "after"
    assert expected["copy"] == expected["near copy"] == "exact_dedup"
    values = {
        step: {
            row["id"]: row["word_count"]
            for row in done.rows(f"SELECT id, word_count FROM signals_{step} JOIN documents USING (doc_id)")
        }
        for step in ("before", "after")
    }
    assert values["before"] == {key: words(text) for key, text in states.items()}
    assert values["after"] == {key: words(after(text)) for key, text in states.items()}


def test_near_duplicates_are_compared_after_the_edits(edited: Run) -> None:
    texts = {"a": f"{prose(1)}.", "b": f"{prose(1)} more.\n" + "\n".join(f"menu {at}" for at in range(80))}
    assert edited({"near_dedup": {}}, texts=texts, output="plain").kept() == {"a", "b"}
    done = edited({"drop_lines": {"terminal_punctuation": True}}, {"near_dedup": {}}, texts=texts)
    assert done.counts["removed"] == 1


def test_an_edit_leaves_documents_of_other_scripts_alone(edited: Run) -> None:
    done = edited({"simplify": {"when": {"script": ["kana", "latin"]}}}, {"drop_lines": {"contains": "展"}})
    texts = exported(done)
    assert texts["zh"] == "今天天氣很好，我們去圖書館看書。"
    assert texts["ja"] != TEXTS["ja"]
    rows = done.rows(
        "SELECT id, changed, chars_converted FROM edits_simplify JOIN documents USING (doc_id) WHERE changed"
    )
    assert [row["id"] for row in rows] == ["ja"]


@pytest.mark.parametrize("part_rows", [1, None])
def test_cutting_parts_otherwise_changes_no_edit(
    edited: Run, part_rows: int | None, govern: Run, recipe: Any
) -> None:
    done = edited(*EDITS)
    folder = done.out.parent
    again = govern(recipe(folder, steps=EDITS), part_rows=part_rows, workers=2, output=str(folder / "again"))
    assert exported(again) == exported(done)
    wanted = (
        "SELECT id, step, rule, span_start, span_end FROM spans JOIN documents USING (doc_id) ORDER BY ALL"
    )
    assert again.rows(wanted) == done.rows(wanted)
    same = govern(recipe(folder, steps=EDITS), part_rows=3, workers=2, output=str(folder / "same"))
    assert contents(same.out, "ledger", "data") == contents(done.out, "ledger", "data")


def test_explain_tells_what_was_cut(edited: Run, capsys: pytest.CaptureFixture[str]) -> None:
    done = edited(*EDITS)
    told = explain(done.ledger, "page")
    steps = {step["name"]: step for step in told["steps"]}
    assert steps["width"]["edit"]["chars_mapped"] == 7
    assert steps["drop_lines"]["status"] == "edited"
    assert steps["drop_lines"]["edit"]["lines_removed"] == 4
    assert steps["drop_lines"]["spans"][0] == {
        "start": 0,
        "end": 5,
        "rules": ["min_words", "terminal_punctuation"],
    }
    assert steps["drop_repeated_lines"]["spans"] == []
    print_explanation(told)
    printed = capsys.readouterr().out
    assert "cut 0-5: min_words, terminal_punctuation" in printed
    assert "lines removed: 4" in printed


def test_explain_tells_what_was_replaced(edited: Run, capsys: pytest.CaptureFixture[str]) -> None:
    print_explanation(explain(edited(*EDITS).ledger, "person"))
    printed = capsys.readouterr().out
    assert "replaced 37-48: mobile" in printed
    assert "stretches redacted: 2" in printed


def test_the_query_counts_what_was_cut(edited: Run) -> None:
    done = edited(*EDITS)
    with done.connect() as connection:
        rows = run_query(connection, named_query("edits"), {}).records()
    by_rule = {(row["step"], row["rule"]): (row["documents"], row["stretches"]) for row in rows}
    assert by_rule["drop_repeated_lines", "repeated_line"] == (1, 1)
    assert by_rule["drop_lines", "citation"] == (1, 1)
    assert by_rule["drop_lines", "min_words"][0] >= 3


def test_a_run_without_spans_has_the_view(edited: Run) -> None:
    done = edited({"normalise": {}})
    assert done.rows("SELECT * FROM spans") == []


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"drop_lines": {}}, "no rule is asked for"),
        ({"drop_lines": {"preset": "c5"}}, "Did you mean 'c4'"),
        ({"drop_lines": {"phrases": ["cookie"]}}, "Did you mean 'cookies'"),
        ({"drop_lines": {"contains": [""]}}, "contains"),
        ({"width": {"forms": ["leters"]}}, "Did you mean 'letters'"),
        ({"simplify": {"config": "s2t"}}, "config"),
        ({"simplify": {"when": {"script": "hann"}}}, "Did you mean .*'han'"),
        ({"repair": {"normalization": "NFC"}}, "unknown key 'normalization'"),
        ({"drop_repeated_lines": {"min_chars": 0}}, "min_chars"),
        ({"redact": {"kinds": ["phones"]}}, "Did you mean 'phone'"),
        ({"redact": {"tags": {"mail": "x"}}}, "Did you mean 'email'"),
        ({"redact": {"kinds": []}}, "names no kind of personal data"),
        ({"redact": {"regions": "USA"}}, "step 'redact': regions: there is no region 'USA'"),
    ],
)
def test_a_wrong_option_is_refused(
    recipe: Callable[..., Path], tmp_path: Path, step: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe(recipe(tmp_path, steps=[step]))


def test_a_preset_is_spelled_out_and_can_be_changed(recipe: Callable[..., Path], tmp_path: Path) -> None:
    steps = [{"drop_lines": {"preset": "c4", "terminal_punctuation": False, "max_word_chars": None}}]
    (step,) = load_recipe(recipe(tmp_path, steps=steps)).steps
    assert (step.resolved["min_words"], step.resolved["terminal_punctuation"]) == (3, False)
    assert step.resolved["max_word_chars"] is None
    assert step.resolved["phrases"]["javascript"] == {
        "where": "anywhere", "phrases": ["javascript"], "most_words": None,
    }  # fmt: skip
    assert "preset" not in step.resolved


def test_a_missing_library_names_its_extra(
    recipe: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import metadata

    from datagov import extras

    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(extras.metadata, "version", absent)
    extras.named.cache_clear()
    try:
        for kind, extra in (("repair", "repair"), ("simplify", "zh"), ("redact", "pii")):
            with pytest.raises(ConfigError, match=rf"pip install 'datagov\[{extra}\]'"):
                load_recipe(recipe(tmp_path, steps=[{kind: {}}]))
    finally:
        extras.named.cache_clear()
