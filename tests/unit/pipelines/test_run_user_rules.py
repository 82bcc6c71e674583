"""Runs with rules of users: families by module, conditions, and limits that are quantiles."""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from governing import Finished, Governed, contents
from made_corpora import write_corpus

from datagov.errors import ConfigError
from datagov.ledger.explain import explain
from datagov.ledger.queries import bind, named_query, run_query
from pipelines.recipe import load_recipe
from pipelines.what_if import what_if

Run = Callable[..., Governed]
MakeRecipe = Callable[..., Path]

FAMILY = """
import pyarrow as pa
import pyarrow.compute as pc

from datagov import RuleInfo, SignalFamily


def measure(batch, params):
    marks = pc.count_substring(batch.texts, params["mark"]).cast(pa.int64())
    return pa.RecordBatch.from_pydict({"marks": marks, "chars": pa.array(batch.chars)})


RULE = RuleInfo("mark_fraction", "marks", "chars", "share", "Marks over characters.", (0.0, 1.0), "no character", "here")
MARKS = SignalFamily("marks", 1, measure, (RULE,), defaults={"mark": "?"})
"""
TEXTS = {f"d{at:02d}": " ".join(["aa"] * (1 + at * 7 % 13)) + "?" * (at % 4) for at in range(30)}
SOURCE = {key: ("x", "y", None)[at % 3] for at, key in enumerate(TEXTS)}
WORDS = {key: 1 + at * 7 % 13 for at, key in enumerate(TEXTS)}


@pytest.fixture
def make(tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write the corpus, the module and a recipe of these steps; nothing stays imported."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "mark_rules", raising=False)
    write_corpus(tmp_path / "corpus", {**TEXTS, "empty": ""}, shards=2, row_group_rows=5, source=SOURCE)
    (tmp_path / "mark_rules.py").write_text(FAMILY)

    def make(*steps: dict[str, Any]) -> Path:
        return recipe(tmp_path, steps=list(steps), input={"source": "source"})

    return make


MARKED = {"filter": {"signals": "mark_rules:MARKS", "bounds": {"mark_fraction": {"max": 0.1}}}}


def removed(governed: Governed) -> set[str]:
    return {key for key, row in governed.decisions().items() if row["action"] == "remove"}


def marked(limit: float) -> set[str]:
    return {key for key, text in TEXTS.items() if text.count("?") / len(text) > limit}


def test_a_family_of_ones_own_decides(make: Callable[..., Path], govern: Run) -> None:
    done = govern(make(MARKED), part_rows=10)
    assert removed(done) == marked(0.1) != set()
    (family,) = done.manifest["recipe"]["steps"][0]["families"]
    assert (family["family"], family["import"]) == ("marks@1", "mark_rules:MARKS")
    assert family["rules"] == {"mark_fraction": {"numerator": "marks", "denominator": "chars"}}
    (row,) = done.rows("SELECT * FROM bounds")
    assert (row["family"], row["signal"], row["max"], row["source"]) == (
        "marks@1",
        "mark_fraction",
        0.1,
        "the recipe",
    )


def test_spawned_workers_import_it_and_give_the_same_bytes(
    make: Callable[..., Path], govern: Run, tmp_path: Path
) -> None:
    path = make(MARKED)
    one = govern(path, part_rows=10)
    two = govern(path, part_rows=10, workers=2, output=str(tmp_path / "two"))
    assert contents(one.out, "ledger", "data") == contents(two.out, "ledger", "data")


def test_another_source_measures_again_and_the_same_does_not(
    make: Callable[..., Path], govern: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = govern(make(MARKED))
    again = govern(make(MARKED))
    assert again.manifest["run_id"] == "r1"
    (tmp_path / "mark_rules.py").write_text(FAMILY.replace('params["mark"]', '"a"'))
    monkeypatch.delitem(sys.modules, "mark_rules")
    other = govern(make(MARKED))
    assert other.manifest["run_id"] == "r2"
    assert removed(other) != removed(first)


def test_a_worker_with_another_source_refuses(
    make: Callable[..., Path], govern: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from governing import plan_of

    from pipelines.executors.local import LocalExecutor
    from pipelines.progress import Reporter
    from pipelines.run import run

    plan = plan_of(make(MARKED))
    (tmp_path / "mark_rules.py").write_text(FAMILY + "# changed meanwhile\n")
    with Reporter(quiet=True) as reporter, pytest.raises(ConfigError, match="every worker needs the same"):
        run(plan, LocalExecutor(1), reporter)


def test_deciding_again_needs_no_code_of_the_user(
    make: Callable[..., Path], govern: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = govern(make(MARKED), part_rows=10)
    (tmp_path / "mark_rules.py").unlink()
    monkeypatch.delitem(sys.modules, "mark_rules")
    answer = what_if(done.ledger, ["filter/mark_fraction.max=0.05"])
    assert (answer["exact"], answer["removed"]["low"]) == (True, len(marked(0.05)))
    told = explain(done.ledger, "d03")
    assert told["steps"][0]["signals"][0]["signal"] == "mark_fraction"
    with pytest.raises(ConfigError, match="step 'filter': mark_rules:MARKS: there is no module 'mark_rules'"):
        load_recipe(make(MARKED))


WHERE = "word_count >= 4 OR mark_fraction = 0"


def test_a_condition_is_recorded_with_its_values(make: Callable[..., Path], govern: Run) -> None:
    step = {"filter": {"signals": "mark_rules:MARKS", "where": WHERE}}
    done = govern(make(step), part_rows=10)
    expected = {key for key, text in TEXTS.items() if WORDS[key] < 4 and "?" in text} | {"empty"}
    assert removed(done) == expected
    decisions = done.decisions()
    (reason,) = decisions["d02"]["reasons"]
    share = TEXTS["d02"].count("?") / len(TEXTS["d02"])
    assert (reason["rule"], reason["bound"], reason["condition"]) == ("where", "where", WHERE)
    assert reason["signals"] == [
        {"signal": "word_count", "value": 2},
        {"signal": "mark_fraction", "value": share},
    ]
    assert (reason["value"], reason["limit"], reason["keeper"]) == (None, None, None)
    # No word, and no character to take a fraction of: neither true nor false.
    (undefined,) = decisions["empty"]["reasons"]
    assert (undefined["bound"], [each["value"] for each in undefined["signals"]]) == ("missing", [0, None])
    kept = govern(make({"filter": {**step["filter"], "where": {"sql": WHERE, "missing": "keep"}}}))
    assert removed(kept) == expected - {"empty"}


def test_a_condition_written_otherwise_is_the_same_run(make: Callable[..., Path]) -> None:
    digests = {
        load_recipe(make({"filter": {"signals": "mark_rules:MARKS", "where": where}})).digest
        for where in (
            WHERE,
            f"({WHERE.lower()})",
            {"sql": WHERE.replace("word_count", "words.WORD_COUNT")},
            [WHERE],
        )
    }
    assert len(digests) == 1


def test_what_if_changes_conditions_and_bounds_what_was_only_measured(
    make: Callable[..., Path], govern: Run, tmp_path: Path
) -> None:
    path = make({"filter": {"signals": ["mark_rules:MARKS", "words"], "where": WHERE}})
    done = govern(path, part_rows=10)
    for changes in (["filter/where=word_count > 6"], ["filter/mean_word_length.max=2", "filter/where=null"]):
        answer = what_if(done.ledger, changes)
        after = govern(path, output=str(tmp_path / f"after{len(changes)}"), changes=changes)
        assert answer["exact"]
        assert answer["removed"]["low"] == after.counts["removed"]
        assert answer["recipe_digest"] == after.manifest["recipe_digest"]
    with pytest.raises(ConfigError, match="has measured no signal 'line_count'"):
        what_if(done.ledger, ["filter/where=line_count > 1"])
    with pytest.raises(ConfigError, match="not an SQL expression"):
        what_if(done.ledger, ["filter/where=word_count >"])


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[math.ceil(round(share * len(values), 9)) - 1]


@pytest.mark.parametrize("by", [None, "source"])
def test_a_quantile_is_taken_of_the_documents_that_reach_the_step(
    make: Callable[..., Path], govern: Run, tmp_path: Path, by: str | None
) -> None:
    first = {"name": "first", "filter": {"bounds": {"word_count": {"max": 11}}}}
    limit = {"quantile": 0.25, "by": by}
    second = {"name": "second", "filter": {"bounds": {"word_count": {"min": limit}}}}
    path = make(first, second)
    done = govern(path, part_rows=10)
    words = {key: count for key, count in {**WORDS, "empty": 0}.items() if count <= 11}
    strata: dict[Any, dict[str, int]] = defaultdict(dict)
    for key, count in words.items():
        strata[SOURCE.get(key) if by else None][key] = count
    limits = {name: quantile(list(found.values()), 0.25) for name, found in strata.items()}
    rows = done.rows("SELECT * FROM limits ORDER BY stratum NULLS LAST")
    assert {row["stratum"]: row["bound_limit"] for row in rows} == limits
    assert [row["documents"] for row in rows] == [len(strata[row["stratum"]]) for row in rows]
    expected = {key for name, found in strata.items() for key, count in found.items() if count < limits[name]}
    decisions = done.decisions()
    assert {key for key, row in decisions.items() if row["step"] == "second"} == expected
    for key in expected:
        (reason,) = decisions[key]["reasons"]
        assert (reason["bound"], reason["limit"]) == ("min", limits[SOURCE.get(key) if by else None])
    (bound,) = done.rows("SELECT min FROM bounds WHERE step = 'second'")
    assert bound["min"] == (None if by else limits[None])
    whole = govern(path, workers=2, output=str(tmp_path / "whole"))
    assert [row | {"step": None} for row in whole.rows("SELECT * FROM limits ORDER BY ALL")] == [
        row | {"step": None} for row in done.rows("SELECT * FROM limits ORDER BY ALL")
    ]
    assert removed(whole) == removed(done)


def test_queries_hold_documents_against_the_limit_of_their_source(
    make: Callable[..., Path], govern: Run
) -> None:
    limit = {"quantile": 0.25, "by": "source"}
    done = govern(make({"filter": {"bounds": {"word_count": {"min": limit, "max": 12}}}}))
    con = done.ledger.connect()
    words = {**WORDS, "empty": 0}
    limits = {
        name: quantile([count for key, count in words.items() if SOURCE.get(key) == name], 0.25)
        for name in {SOURCE.get(key) for key in words}
    }
    below = {key for key, count in words.items() if count < limits[SOURCE.get(key)]}

    def asked(name: str, *arguments: str) -> list[dict[str, Any]]:
        query = named_query(name)
        return run_query(con, query, bind(query, ["filter/word_count", *arguments])).records()

    told = {row["statistic"]: row["value"] for row in asked("distribution")}
    assert (told["minimum bound"], told["below minimum"], told["maximum bound"]) == (None, len(below), 12)
    assert told["above maximum"] == sum(count > 12 for count in words.values())
    near = asked("near_bound", "margin=100")
    assert {row["id"] for row in near if row["bound"] == "min" and row["crossed"]} == below
    assert {(row["source"], row["bound_limit"]) for row in near if row["bound"] == "min"} == set(
        limits.items()
    )
    points = [row for row in asked("curve") if "minimum bound" in row["point"]]
    assert {(row["grouped"], row["value"]) for row in points} == set(limits.items())
    assert sum(row["below"] for row in points) == len(below)
    assert not [row for row in asked("curve", "by=all") if "minimum bound" in row["point"]]


def test_a_quantile_of_nothing_bounds_nothing(make: Callable[..., Path], govern: Run) -> None:
    nobody = {"name": "nobody", "filter": {"bounds": {"word_count": {"min": 100}}}}
    by_source = govern(
        make(nobody, {"filter": {"bounds": {"word_count": {"min": {"quantile": 0.5, "by": "source"}}}}})
    )
    assert (by_source.counts["kept"], by_source.rows("SELECT * FROM limits")) == (0, [])
    done = govern(make(nobody, {"filter": {"bounds": {"word_count": {"min": {"quantile": 0.5}}}}}))
    assert done.counts["kept"] == 0
    (row,) = done.rows("SELECT * FROM limits")
    assert (row["bound_limit"], row["documents"]) == (None, 0)


def test_quantiles_beside_filters_that_share_an_otherwise(make: Callable[..., Path], govern: Run) -> None:
    han = {"filter": {"when": {"script": "han"}, "bounds": {"word_count": {"min": 1}}}}
    limit = {"word_count": {"min": {"quantile": 0.5}}}
    latin = {"filter": {"when": {"script": "latin"}, "bounds": limit, "otherwise": "drop"}}
    done = govern(make(han, latin), part_rows=10)
    median = quantile(list(WORDS.values()), 0.5)
    assert removed(done) == {key for key, count in WORDS.items() if count < median} | {"empty"}


STAGES_THAT_READ_TEXT = {"measure", "gather", "export"}


def test_a_changed_bound_reads_no_text_but_what_it_exports(
    make: Callable[..., Path], govern: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"word_count": {"min": {"quantile": 0.1}}, "mark_fraction": {"max": 0.5}}
    step = {"filter": {"signals": "mark_rules:MARKS", "bounds": limits, "where": WHERE}}
    path = make(step, {"exact_dedup": {}})
    first = govern(path, part_rows=10)
    readers: list[str] = []
    for stage in STAGES_THAT_READ_TEXT:
        monkeypatch.setattr(f"pipelines.stages.{stage}.read_part", watched(stage, readers))
    for change in ("word_count.min={quantile: 0.2}", "mark_fraction.max=0.1", "where=word_count > 5"):
        readers.clear()
        done = govern(path, part_rows=10, changes=[f"filter/{change}"])
        assert done.manifest["run_id"] != first.manifest["run_id"]
        assert removed(done) != removed(first)
        assert readers == ["export"] * len(done.manifest["parts"])


def watched(stage: str, readers: list[str]) -> Callable[..., Any]:
    """The real `read_part`, which also notes who reads."""
    from pipelines.texts import read_part

    def read(*arguments: Any, **options: Any) -> Any:
        readers.append(stage)
        return read_part(*arguments, **options)

    return read


def test_the_commands_show_conditions_and_limits(
    make: Callable[..., Path], govern: Run, program: Callable[..., Finished]
) -> None:
    limit = {"word_count": {"min": {"quantile": 0.25, "by": "source"}}}
    done = govern(make({"filter": {"signals": "mark_rules:MARKS", "bounds": limit, "where": WHERE}}))
    told = program("explain", "d02", "--ledger", done.out)
    assert told.code == 0, told.err
    assert f"where: not ({WHERE}), as word_count = 2, mark_fraction = 0.285714" in told.out
    assert "quantile" in program("audit", "limits", "--ledger", done.out).out
    curve = program("audit", "curve", "filter/word_count", "--by", "source", "--json", "--ledger", done.out)
    assert curve.code == 0, curve.err
    assert {row["grouped"] for row in json.loads(curve.out)["rows"]} == {"x", "y", None}
    wrong = program("audit", "curve", "filter/word_count", "--bye", "source", "--ledger", done.out)
    assert (wrong.code, "Did you mean 'by'" in wrong.err) == (2, True)
