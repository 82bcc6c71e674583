from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ledger_builder import Document, Run, doc_id, write_output
from ledger_example import HOSTILE_ID, HOSTILE_TEXT

from datagov.errors import ConfigError
from datagov.ledger.queries import bind, named_query, queries, read_query, run_query
from datagov.ledger.reader import Ledger

if TYPE_CHECKING:
    from pathlib import Path

Datagov = Callable[..., tuple[int, str, str]]
ARGUMENTS = {
    "removed_by": ["word_count"],
    "distribution": ["filter-1/word_count"],
    "curve": ["filter-1/word_count"],
    "near_bound": ["filter-1/word_count"],
}


def rows(out: Path, name: str, *arguments: str) -> list[dict]:
    query = named_query(name)
    return run_query(Ledger.open(out, run="r1").connect(), query, bind(query, list(arguments))).records()


@pytest.mark.parametrize("name", sorted(queries()))
def test_every_query_runs_and_is_declared(out: Path, name: str) -> None:
    query = named_query(name)
    assert query.title.endswith((".", "?", ").")) or "." in query.title
    for parameter in query.parameters:
        assert f"${parameter.name}" in query.sql
        assert parameter.what
    found = run_query(Ledger.open(f"{out}@r1").connect(), query, bind(query, ARGUMENTS.get(name, [])))
    assert found.columns


def test_funnel_conserves_documents(out: Path) -> None:
    lines = rows(out, "funnel")
    assert [line["step"] for line in lines] == [
        "input", "normalise", "filter-1", "exact_dedup", "near_dedup", "filter-2",
    ]  # fmt: skip
    assert lines[0] | {"kept_fraction": None} == {
        "position": 0,
        "step": "input",
        "kind": "input",
        "documents_in": 14,
        "errored": 1,
        "removed": 0,
        "kept": 13,
        "annotated": 0,
        "not_compared": 0,
        "kept_fraction": None,
        "removed_bytes": 0,
    }
    assert sum(line["removed"] for line in lines) == 7
    for before, after in itertools.pairwise(lines):
        assert before["kept"] == after["documents_in"]
        assert after["documents_in"] == after["kept"] + after["removed"]
    assert lines[2]["removed_bytes"] == 5 + len(HOSTILE_TEXT.encode())


def test_by_source_counts_documents_without_one(out: Path) -> None:
    found = {line["source"]: line for line in rows(out, "by_source")}
    assert (found[None]["documents"], found[None]["kept"]) == (1, 1)
    assert (found["books"]["documents"], found["books"]["removed"]) == (1, 1)
    assert sum(line["documents"] for line in found.values()) == 14


def test_by_reason_tells_which_bound_removed_alone(out: Path) -> None:
    found = {(line["step"], line["rule"]): line for line in rows(out, "by_reason")}
    words = found["filter-1", "word_count"]
    assert (words["documents"], words["removed"], words["alone"]) == (2, 2, 1)
    length = found["filter-1", "mean_word_length"]
    assert (length["removed"], length["alone"]) == (1, 0)
    budget = found["near_dedup", "verify_budget"]
    assert (budget["removed"], budget["annotated"]) == (0, 1)


@pytest.mark.parametrize("rule", ["word_count", "filter-1/word_count"])
def test_removed_by_a_rule(out: Path, rule: str) -> None:
    assert {line["id"] for line in rows(out, "removed_by", rule)} >= {"en-short"}
    assert all(line["rule"].endswith("word_count") for line in rows(out, "removed_by", f"rule={rule}"))


def test_removed_by_a_step_and_a_family_rule(out: Path) -> None:
    assert [line["id"] for line in rows(out, "removed_by", "near_dedup")] == ["en-3"]
    assert [line["id"] for line in rows(out, "removed_by", "filter-2/word_count")] == ["en-6"]
    assert len(rows(out, "removed_by", "exact_dedup", "limit=2")) == 2


def test_an_unknown_rule_or_signal_is_named(out: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'word_count'"):
        rows(out, "removed_by", "word_cont")
    with pytest.raises(ConfigError, match="Did you mean 'filter-1/word_count'"):
        rows(out, "distribution", "filter-1/word_cout")
    with pytest.raises(ConfigError, match="Known: filter-1/mean_word_length, "):
        rows(out, "distribution", "nope")


def test_a_known_rule_that_removed_nothing_is_no_error(out: Path) -> None:
    assert rows(out, "removed_by", "normalise") == []


def test_distribution_counts_what_lies_outside(out: Path) -> None:
    found = {line["statistic"]: line["value"] for line in rows(out, "distribution", "filter-1/word_count")}
    assert (found["documents"], found["set aside"], found["not applied"]) == (14, 1, 1)
    assert found["undefined"] == 0
    assert (
        found["minimum bound"],
        found["below minimum"],
        found["maximum bound"],
        found["above maximum"],
    ) == (
        5,
        2,
        1000,
        0,
    )
    assert (found["smallest"], found["median"], found["largest"]) == (3, 11, 37)


@pytest.mark.parametrize("by", ["source", "shard", "all"])
@pytest.mark.parametrize("at", ["quantiles", "5, 11,20.5"])
def test_curve_counts_what_a_bound_at_each_value_would_remove(out: Path, by: str, at: str) -> None:
    con = Ledger.open(f"{out}@r1").connect()
    told = """SELECT s.value, d.source, d.shard, 'all', d.doc_id, x.action FROM signals s JOIN documents d USING (part, row)
              JOIN decisions x USING (part, row, doc_id) LEFT JOIN steps t ON t.name = x.step
              WHERE s.step = 'filter-1' AND signal = 'word_count' AND action <> 'error' AND coalesce(position, 9) >= 2"""
    which = {"source": 1, "shard": 2, "all": 3}[by]
    reached = [row for row in con.execute(told).fetchall() if row[0] is not None]
    found = rows(out, "curve", "filter-1/word_count", f"by={by}", f"at={at}")
    values = sorted({line["value"] for line in found})
    if at == "quantiles":
        points = {line["point"]: line["value"] for line in found}
        assert points["minimum bound"] == 5
        assert (values[0], values[-2]) == (min(row[0] for row in reached), max(row[0] for row in reached))
    else:
        assert values == [5, 11, 20.5]
    assert len(found) == len(values) * len({row[which] for row in reached})
    for line in found:
        group = [row for row in reached if row[which] == line["grouped"]]
        below = [row for row in group if row[0] < line["value"]]
        above = [row for row in group if row[0] > line["value"]]
        assert (line["documents"], line["below"], line["above"]) == (len(group), len(below), len(above))
        assert line["kept_below"] == sum(row[5] == "keep" for row in below)
        assert line["kept_above"] == sum(row[5] == "keep" for row in above)
        nearest = max(below, key=lambda row: (row[0], row[4]), default=(None,) * 6)
        assert (line["value_below"], line["example_below"]) == (nearest[0], nearest[4])
        nearest = min(above, key=lambda row: (row[0], row[4]), default=(None,) * 6)
        assert (line["value_above"], line["example_above"]) == (nearest[0], nearest[4])


def test_a_curve_over_what_is_not_there_is_named(out: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'source'"):
        rows(out, "curve", "filter-1/word_count", "by=souce")
    with pytest.raises(ConfigError, match="Did you mean 'filter-1/word_count'"):
        rows(out, "curve", "filter-1/word_cout")
    with pytest.raises(ConfigError, match="at=many: expected quantiles, or numbers"):
        rows(out, "curve", "filter-1/word_count", "at=many")


def test_clusters_and_orphans(out: Path) -> None:
    clusters = {line["keeper"]: line for line in rows(out, "clusters")}
    assert clusters[doc_id("late").hex]["orphaned"] == 1
    assert [line["id"] for line in rows(out, "orphans")] == ["en-5"]
    assert rows(out, "cross_source_duplicates") == [
        {"step": "exact_dedup", "removed_source": "web", "keeper_source": "books", "removed": 1},
        {"step": "near_dedup", "removed_source": "books", "keeper_source": "web", "removed": 1},
    ]


def test_a_ratio_that_is_undefined_is_not_a_filter_not_applied(tmp_path: Path) -> None:
    documents = [
        Document("empty", ""),
        Document("words", "three short words"),
        Document("zh", "x", measured=False),
    ]
    write_output(tmp_path / "out", tmp_path / "input", Run(documents))
    found = {
        line["statistic"]: line["value"]
        for line in rows(tmp_path / "out", "distribution", "filter-1/mean_word_length")
    }
    assert (found["documents"], found["not applied"], found["undefined"]) == (3, 1, 1)


def test_what_is_unknown_among_very_many_says_how_to_list(out: Path) -> None:
    query = named_query("distribution")
    many = "SELECT 'step/s' || range::VARCHAR FROM range(40)"
    parameters = (replace(query.parameters[0], known=many),)
    con = Ledger.open(f"{out}@r1").connect()
    with pytest.raises(
        ConfigError, match="one of 40, such as step/s0, step/s1, step/s10, step/s11, step/s12"
    ):
        run_query(con, replace(query, parameters=parameters), {"signal": "nope"})


def test_documents_near_a_bound(out: Path) -> None:
    near = rows(out, "near_bound", "filter-1/word_count", "margin=0.2")
    assert [(line["id"], line["value"], line["crossed"]) for line in near] == [(HOSTILE_ID, 4, True)]
    assert (near[0]["bound"], near[0]["bound_limit"], near[0]["removed_at"]) == ("min", 5, "filter-1")
    assert rows(out, "near_bound", "filter-1/word_count") == []
    wide = rows(out, "near_bound", "filter-1/word_count", "margin=1.5")
    distances = [abs(line["value"] - line["bound_limit"]) / line["bound_limit"] for line in wide]
    assert distances == sorted(distances)
    assert "en-short" in {line["id"] for line in wide}
    above = rows(out, "near_bound", "filter-2/word_count", "margin=0.25")
    assert [(line["id"], line["bound"], line["crossed"]) for line in above if line["value"] < 38] == [
        (line["id"], "max", True) for line in above
    ]
    for wrong in ("margin=-1", "margin=nan", "margin=wide"):
        with pytest.raises(ConfigError, match="should be a number from 0 on"):
            rows(out, "near_bound", "filter-1/word_count", wrong)


def test_reasons_by_source_add_up(out: Path) -> None:
    lines = rows(out, "by_source_and_reason")
    for line in rows(out, "by_reason"):
        same = [other for other in lines if (other["step"], other["rule"]) == (line["step"], line["rule"])]
        for count in ("documents", "removed", "annotated"):
            assert sum(other[count] for other in same) == line[count]
    assert {line["source"] for line in lines if line["rule"] == "near_dedup"} == {"books"}


def test_duplicates_name_their_keepers(out: Path) -> None:
    removed = {line["id"]: line["keeper"] for line in rows(out, "removed_by", "exact_dedup")}
    assert removed["en-2"] == doc_id("original").hex
    pairs = {line["id"]: line for line in rows(out, "cross_source_pairs")}
    assert set(pairs) == {"en-3", "en-4"}
    assert (pairs["en-3"]["keeper_id"], pairs["en-3"]["keeper_source"], pairs["en-3"]["jaccard"]) == (
        "en-1",
        "web",
        0.8,
    )
    assert (pairs["en-4"]["keeper_source"], pairs["en-4"]["jaccard"]) == ("books", None)


def test_names_take_either_hyphen_and_suggest(out: Path) -> None:
    assert named_query("by-source").name == "by_source"
    with pytest.raises(ConfigError, match="Did you mean 'funnel'"):
        named_query("funel")


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("removed_by", [], "needs rule="),
        ("removed_by", ["a", "rule=b"], "twice"),
        ("removed_by", ["rul=a"], "Did you mean 'rule'"),
        ("removed_by", ["a", "limit=many"], "whole number"),
        ("funnel", ["x=1"], "takes no parameters"),
    ],
)
def test_wrong_parameters_are_refused(name: str, arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        bind(named_query(name), arguments)


def test_a_declaration_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot read"):
        read_query("x", "-- titel: x\nSELECT 1")


def test_conservation_holds_and_fails_when_it_should(out: Path, tmp_path: Path, datagov: Datagov) -> None:
    code, text, _ = datagov("audit", "conservation", "--ledger", f"{out}@r1", "--json")
    assert code == 0, text
    broken = tmp_path / "broken"
    shutil.copytree(out, broken)
    path = broken / "runs" / "r1.json"
    manifest = json.loads(path.read_text())
    manifest["counts"]["kept"] += 1
    path.write_text(json.dumps(manifest))
    code, text, _ = datagov("audit", "conservation", "--ledger", f"{broken}@r1", "--json")
    assert code == 1
    assert {row["line"] for row in json.loads(text)["rows"] if not row["ok"]} == {
        "kept", "kept + removed + set aside = in",
    }  # fmt: skip


def test_a_rule_with_a_bound_is_known_whether_or_not_it_removed_anything(out: Path) -> None:
    con = Ledger.open(out, run="r1").connect()
    con.execute("CREATE TEMP TABLE silent AS FROM bounds LIMIT 1")
    con.execute("UPDATE silent SET signal = 'crossed_by_none'")
    known = str(named_query("removed_by").parameters[0].known)
    assert ("crossed_by_none",) in con.execute(known.replace("FROM bounds", "FROM silent")).fetchall()
    assert set(con.execute("SELECT signal FROM bounds").fetchall()) <= set(con.execute(known).fetchall())


def test_values_that_are_no_numbers_are_the_askers_mistake(out: Path) -> None:
    with pytest.raises(ConfigError, match=r"^at=5,abc: expected quantiles, or numbers such as 10,20\.5\.$"):
        rows(out, "curve", "filter-1/word_count", "at=5,abc")


def test_the_funnel_of_each_source_adds_up_to_that_of_all(out: Path) -> None:
    lines = rows(out, "funnel_by_source", "tokens=filter-1/word_count")
    (total,) = ({line["step"]: line for line in lines if line["source"] == "all"},)
    plain = {line["step"]: line for line in rows(out, "funnel")}
    assert {step: line["documents"] for step, line in total.items()} == {
        step: line["kept"] for step, line in plain.items()
    }
    for step, line in total.items():
        parts = [each for each in lines if each["step"] == step and each["source"] != "all"]
        for name in ("documents", "bytes", "chars"):
            assert sum(each[name] for each in parts) == line[name]
        assert sum(each["tokens"] or 0 for each in parts) == line["tokens"]
    assert total["input"]["documents_fraction"] == total["input"]["tokens_fraction"] == 1
    final = rows(out, "by_source")
    assert total["filter-2"]["bytes"] == sum(line["bytes_kept"] for line in final)
    books = rows(out, "funnel_by_source", "source=books")
    assert {line["source"] for line in books} == {"books"}
    assert all(line["tokens"] is None for line in books)
