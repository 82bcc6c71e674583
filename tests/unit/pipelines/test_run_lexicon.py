"""Runs that look for the terms of a lexicon: what the ledger keeps of them, and what it tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from governing import Finished, Governed, contents
from lexicon_made import write
from made_corpora import write_corpus

from datagov.errors import ConfigError
from datagov.ledger.explain import explain
from datagov.lexicons.lexicon import term_id
from pipelines.recipe import load_recipe
from pipelines.what_if import what_if

Run = Callable[..., Governed]
Make = Callable[..., Path]

FOOL, BITCH = term_id("fool"), term_id("bitch")
TEXTS = {
    "plain": "A sentence of no harm.",
    "one": "You  fool, said he.",
    "more": "bitch\nfoooool fool 傻子",
    "ends": "bitch\nread more",
    "blank": "",
}
MODEL = {"toxic": {"family": "terms", "lexicon": "lex/made.json"}}
ANNOTATE = {"models": MODEL, "bounds": {"toxic_term_count": {"max": 0}}, "annotate": True}
REMOVE = {"models": MODEL, "bounds": {"toxic_sexism_term_weight": {"max": 0.5}}}


@pytest.fixture
def make(tmp_path: Path, recipe: Make) -> Make:
    """Write the corpus, a lexicon and a recipe of these steps."""
    write_corpus(tmp_path / "corpus", TEXTS, shards=2, row_group_rows=2)
    write(tmp_path / "lex/made.json", ("fool", "insult", 0.5), ("bitch", "sexism"), ("傻子", "insult", 0.25))
    return lambda *steps: recipe(tmp_path, steps=list(steps))


def found(governed: Governed) -> list[dict[str, Any]]:
    return governed.rows(
        "SELECT step, d.id, rule, span_start, span_end, term FROM spans JOIN documents d USING (doc_id) "
        "ORDER BY step, d.id, span_start"
    )


def test_the_ledger_keeps_where_and_which_terms_and_removes_nothing(make: Make, govern: Run) -> None:
    done = govern(make({"filter": ANNOTATE}), part_rows=3)
    assert done.manifest["counts"]["removed"] == 0
    assert [tuple(row.values()) for row in found(done)] == [
        ("filter", "ends", "toxic_sexism", 0, 5, BITCH),
        ("filter", "more", "toxic_sexism", 0, 5, BITCH),
        ("filter", "more", "toxic_insult", 6, 13, FOOL),
        ("filter", "more", "toxic_insult", 14, 18, FOOL),
        ("filter", "more", "toxic_insult", 19, 21, term_id("傻子")),
        ("filter", "one", "toxic_insult", 5, 9, FOOL),
    ]
    (step,) = explain(done.ledger, "one")["steps"]
    assert step["status"] == "annotated"
    assert step["found"] == [
        {"start": 5, "end": 9, "rule": "toxic_insult", "term": FOOL, "text": "fool", "weight": 0.5}
    ]
    assert explain(done.ledger, "plain")["steps"][0]["found"] == []
    rows = done.rows("SELECT term, text, category, weight FROM terms ORDER BY weight")
    assert [row["text"] for row in rows] == ["傻子", "fool", "bitch"]


def test_bounds_on_a_category_decide_and_can_be_moved_without_the_lexicon(
    make: Make, govern: Run, tmp_path: Path
) -> None:
    done = govern(make({"filter": REMOVE}))
    assert {key for key, row in done.decisions().items() if row["action"] == "remove"} == {"more", "ends"}
    (tmp_path / "lex/made.json").unlink()
    answer = what_if(
        done.ledger, ["filter/toxic_sexism_term_weight.max=null", "filter/toxic_term_count.max=2"]
    )
    assert (answer["exact"], answer["removed"]["low"], answer["removed"]["high"]) == (True, 1, 1)


def test_positions_are_those_of_the_text_at_the_step(make: Make, govern: Run) -> None:
    lines = {"drop_lines": {"contains": ["bitch"]}}
    done = govern(make({"filter": ANNOTATE}, lines, {"name": "later", "filter": ANNOTATE}))
    later = [row for row in found(done) if row["step"] == "later" and row["id"] == "more"]
    assert [(row["span_start"], row["span_end"]) for row in later] == [(0, 7), (8, 12), (13, 15)]
    edits = done.rows("SELECT term, rule FROM spans WHERE step = 'drop_lines'")
    assert {(row["term"], row["rule"]) for row in edits} == {(None, "contains")}


def test_two_lexicons_of_one_step_and_spawned_workers_give_the_same_bytes(
    make: Make, govern: Run, tmp_path: Path
) -> None:
    write(tmp_path / "lex/second.json", ("harm", "violence"))
    both = {**ANNOTATE, "models": {**MODEL, "mild": {"family": "terms", "lexicon": "lex/second.json"}}}
    path = make({"filter": both})
    one = govern(path, part_rows=3)
    assert {row["rule"] for row in found(one)} == {"toxic_sexism", "toxic_insult", "mild_violence"}
    assert [span["rule"] for span in explain(one.ledger, "plain")["steps"][0]["found"]] == ["mild_violence"]
    two = govern(path, part_rows=3, workers=2, output=str(tmp_path / "two"))
    assert contents(one.out, "ledger", "data") == contents(two.out, "ledger", "data")


def test_the_commands_show_terms(make: Make, govern: Run, cli: Callable[..., Finished]) -> None:
    done = govern(make({"filter": ANNOTATE}))
    told = cli("explain", "one", "--ledger", done.out)
    assert f"found 5-9: toxic_insult, term {FOOL} 'fool' of weight 0.5" in told.out, told.err
    terms = json.loads(cli("audit", "terms", "--ledger", done.out, "--json").out)["rows"]
    assert [(row["text"], row["documents"], row["occurrences"]) for row in terms] == [
        ("fool", 2, 3),
        ("bitch", 2, 2),
        ("傻子", 1, 1),
    ]
    assert json.loads(cli("audit", "edits", "--ledger", done.out, "--json").out)["rows"] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("fool\n", "not JSON"),
        ('{"datagov_lexicon": 2}', r"format 2 is newer than what this datagov reads \(1\): upgrade it"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_recipe_with_an_unsound_lexicon_is_refused(
    make: Make, tmp_path: Path, content: str | None, message: str
) -> None:
    path = make({"filter": ANNOTATE})
    (tmp_path / "lex/made.json").unlink()
    if content is not None:
        (tmp_path / "lex/made.json").write_text(content, "utf-8")
    with pytest.raises(ConfigError, match=message):
        load_recipe(path)


def test_the_family_is_named_and_given_a_file(make: Make) -> None:
    with pytest.raises(ConfigError, match=r"\{my_terms: \{family: terms, lexicon: PATH\}\}"):
        load_recipe(make({"filter": {"signals": "terms"}}))
    with pytest.raises(ConfigError, match="Did you mean 'homophones'"):
        load_recipe(
            make(
                {
                    "filter": {
                        "models": {"x": {**MODEL["toxic"], "foldings": ["homophone"]}},
                        "signals": "words",
                    }
                }
            )
        )
