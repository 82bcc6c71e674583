"""The check of the demo tells a right run from each way of being wrong."""

from __future__ import annotations

from math import comb

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.demo.check import VERDICTS, check, lower_bound
from pipelines.demo.corpus import make_corpus
from pipelines.demo.summary import summary

JUNK = ("boilerplate", "symbols", "repeated_lines", "mojibake", "too_short")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    return pq.read_table(make_corpus(tmp_path_factory.mktemp("demo"), documents=1_500).planted)


def perfect(planted: pa.Table) -> dict[str, dict]:
    """The verdicts of a run that finds everything: copies go, junk goes, the rest stays."""
    verdicts = {}
    for row in planted.to_pylist():
        verdict = {"id": row["id"], "action": "keep", "step": None, "keeper": None}
        if row["kind"] in JUNK:
            verdict |= {"action": "remove", "step": "filter"}
        elif row["original"] and row["jaccard"] >= 0.7:
            step = "exact_dedup" if row["kind"] == "exact_copy" else "near_dedup"
            verdict |= {"action": "remove", "step": step, "keeper": row["original"]}
        verdicts[row["id"]] = verdict
    return verdicts


def table(verdicts: dict[str, dict]) -> pa.Table:
    return pa.Table.from_pylist(list(verdicts.values()), schema=VERDICTS)


def first(planted: pa.Table, **wanted: object) -> dict:
    return next(
        row for row in planted.to_pylist() if all(row[name] == value for name, value in wanted.items())
    )


def test_a_perfect_run_passes(planted: pa.Table) -> None:
    report = check(planted, table(perfect(planted)))
    assert report.passed
    assert report.recall == report.precision == 1.0
    assert report.exact_found == report.exact_copies > 0
    assert report.junk_removed == report.junk > 0
    assert [row.group for row in report.by_edit_rate] == ["0%", "1%", "2%", "3%", "5%", "8%", "10%"]
    assert sum(row.pairs for row in report.by_jaccard) == sum(row.pairs for row in report.by_edit_rate)
    assert report.to_dict()["passed"] is True


def test_missing_more_copies_than_chance_allows_fails(planted: pa.Table) -> None:
    verdicts = perfect(planted)
    for row in planted.to_pylist():
        if row["kind"] == "near_copy" and row["edit_rate"] == 0.01:
            verdicts[row["id"]] |= {"action": "keep", "step": None, "keeper": None}
    report = check(planted, table(verdicts))
    assert not report.passed
    assert not next(row for row in report.by_edit_rate if row.group == "1%").passed
    assert report.precision == 1.0


def test_one_copy_missed_is_within_the_promise(planted: pa.Table) -> None:
    verdicts = perfect(planted)
    verdicts[first(planted, kind="near_copy", edit_rate=0.02)["id"]] |= {"action": "keep", "keeper": None}
    report = check(planted, table(verdicts))
    assert report.passed
    assert report.recall < 1.0


def test_removing_the_original_for_its_copy_is_as_good(planted: pa.Table) -> None:
    verdicts = perfect(planted)
    copy = first(planted, kind="near_copy", edit_rate=0.01)
    verdicts[copy["id"]] |= {"action": "keep", "step": None, "keeper": None}
    verdicts[copy["original"]] |= {"action": "remove", "step": "near_dedup", "keeper": copy["id"]}
    report = check(planted, table(verdicts))
    assert report.passed
    assert report.recall == report.precision == 1.0


def test_a_removal_below_the_threshold_is_wrong(planted: pa.Table) -> None:
    verdicts = perfect(planted)
    copy = first(planted, kind="near_copy", edit_rate=0.1)
    verdicts[copy["id"]] |= {"action": "remove", "step": "near_dedup", "keeper": copy["original"]}
    report = check(planted, table(verdicts))
    assert not report.passed
    assert report.wrong == (copy["id"],)
    assert report.precision < 1.0


def test_a_template_member_removed_for_another_is_lost_and_wrong(planted: pa.Table) -> None:
    verdicts = perfect(planted)
    members = [row["id"] for row in planted.to_pylist() if row["group"] == "zh-template-0"]
    verdicts[members[1]] |= {"action": "remove", "step": "near_dedup", "keeper": members[0]}
    report = check(planted, table(verdicts))
    assert not report.passed
    assert report.wrong == report.lost == (members[1],)
    assert report.kinds["template"]["near_dedup"] == 1


def test_a_group_of_which_nothing_is_left_is_named(planted: pa.Table) -> None:
    verdicts = perfect(planted)
    copy = first(planted, kind="exact_copy")
    verdicts[copy["original"]] |= {"action": "remove", "step": "filter"}
    report = check(planted, table(verdicts))
    assert not report.passed
    assert report.emptied == (copy["group"],)


def test_junk_kept_fails(planted: pa.Table) -> None:
    verdicts = perfect(planted)
    verdicts[first(planted, kind="mojibake")["id"]] |= {"action": "keep", "step": None}
    report = check(planted, table(verdicts))
    assert not report.passed
    assert report.junk_removed == report.junk - 1


def test_verdicts_of_other_documents_are_refused(planted: pa.Table) -> None:
    verdicts = table(perfect(planted))
    with pytest.raises(ValueError, match="every planted document once"):
        check(planted, verdicts.slice(1))
    with pytest.raises(ValueError, match="every planted document once"):
        check(planted, pa.concat_tables([verdicts, verdicts.slice(0, 1)]))


@settings(max_examples=examples(40))
@given(st.integers(0, 40), st.floats(0.05, 1.0))
def test_the_bound_of_equal_draws_is_the_binomial_quantile(draws: int, p: float) -> None:
    def below(k: int) -> float:
        return sum(comb(draws, i) * p**i * (1 - p) ** (draws - i) for i in range(k + 1))

    bound = lower_bound([p] * draws)
    assert below(bound) >= 0.001 * (1 - 1e-9)
    assert bound == 0 or below(bound - 1) < 0.001 * (1 + 1e-9)


def test_certain_draws_leave_no_slack() -> None:
    assert lower_bound([1.0] * 12) == 12
    assert lower_bound([]) == 0


def test_the_summary_says_what_failed(planted: pa.Table) -> None:
    verdicts = perfect(planted)
    assert summary(check(planted, table(verdicts))).endswith("found what was planted: yes")
    member = first(planted, kind="template")["id"]
    verdicts[member] |= {"action": "remove", "step": "filter"}
    text = summary(check(planted, table(verdicts)))
    assert text.endswith("found what was planted: NO")
    assert f"lost: {member}" in text
