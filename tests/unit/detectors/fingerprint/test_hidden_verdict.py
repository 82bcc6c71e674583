"""Verdicts on models: p-values among clean siblings, cut-offs, and what a clean verdict has to say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process import ran
from made_findings import PLANTS, RECORD, finding, trial, trials
from tokenizing import make_tokenizer

from datagov.errors import ConfigError
from datagov.tokenizer import Tokenizer, load_tokenizer
from detectors.fingerprint.probe_record import EVIDENCE, settings_of, with_record
from detectors.fingerprint.verdict import HiddenVerdict, cut_off, hidden_statistics, judge, upper_bound
from detectors.tables import FINDINGS, JOINED


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return load_tokenizer(make_tokenizer(tmp_path_factory.mktemp("tokenizer"), vocabulary=300).parent)


def joined(tokenizer: Tokenizer, *rows: tuple[str, str, float, int | None]) -> pa.Table:
    """Joined findings of (tier, string, bits, score rank)."""
    made = [
        finding(tokenizer, said, tier=tier, bits=bits, score_rank=rank)
        | {
            "corpus": "c",
            "documents": 0,
            "copies": 0,
            "source": None,
            "examples": [],
            "unexplained_tokens": 0,
            "unexplained_bits": bits,
            "unexplained_sure": 7,
        }
        for tier, said, bits, rank in rows
    ]
    place = JOINED.get_field_index("examples")
    plain = JOINED.set(place, pa.field("examples", pa.list_(pa.binary(16)), nullable=False))
    return with_record(pa.Table.from_pylist(made, schema=plain).cast(JOINED), RECORD)


def by_bits(*given: Any, **more: Any) -> HiddenVerdict:
    return judge(*given, statistic="bits", **more)


def test_bits_are_the_statistic_where_a_base_was_asked_and_none_is_declared(tokenizer: Tokenizer) -> None:
    table = joined(tokenizer, ("B", "quite strange words", 10.0, 1))
    found = judge(table, RECORD, trials(*[trial("clean", 9.0)] * 20, *PLANTS))
    assert (found.verdict, found.statistic, found.value, found.cut_off) == ("evidence", "bits", 10.0, 9.0)


@pytest.mark.parametrize("something", [True, False])
def test_sure_tokens_are_the_statistic_without_a_base(tokenizer: Tokenizer, something: bool) -> None:
    rows = [("B", "quite strange words", None, 1)] if something else []
    table, record = joined(tokenizer, *rows), RECORD | {"with_base": False}
    alike = {"settings": settings_of(record)}
    plants = [row | alike for row in PLANTS]
    found = judge(table, record, trials(*[trial("clean", 99.0, **alike)] * 20, *plants))
    assert (found.statistic, found.value, found.cut_off) == ("sure", 7 if something else 0, 0.0)
    assert (found.alarms, found.alarm_rate_high) == (0, pytest.approx(0.139, abs=5e-4))
    assert found.verdict == ("evidence" if something else "clean")
    with pytest.raises(ConfigError, match="without a base model"):
        by_bits(table, record, trials(*plants))


def test_bounds_are_those_of_the_binomial() -> None:
    assert upper_bound(0, 20) == pytest.approx(1 - 0.05 ** (1 / 20))
    assert upper_bound(0, 20) == pytest.approx(0.139, abs=5e-4)
    assert upper_bound(0, 59) == pytest.approx(0.0495, abs=5e-5)
    assert upper_bound(3, 3) == 1.0


def test_statistics_leave_out_what_the_corpus_explains_and_what_says_nothing(tokenizer: Tokenizer) -> None:
    table = joined(
        tokenizer,
        ("C", "known to all", 90.0, 1),
        ("U", "x", 80.0, 2),
        ("B", "quite strange words", 30.0, None),
        ("A", "stranger words", 20.0, 3),
    )
    assert hidden_statistics(table) == {"bits": 30.0, "sure": 7}
    assert hidden_statistics(joined(tokenizer)) == {"bits": 0.0, "sure": 0}
    assert hidden_statistics(joined(tokenizer, ("A", "stranger words", None, 1)))["bits"] is None


@given(
    clean=st.lists(st.integers(0, 30), min_size=1, max_size=60),
    value=st.integers(0, 40),
    alpha=st.sampled_from([0.05, 0.1, 0.25]),
)
def test_evidence_is_what_exceeds_the_cut_off(
    tokenizer: Tokenizer, clean: list[int], value: int, alpha: float
) -> None:
    table = joined(tokenizer, ("B", "quite strange words", float(value), None))
    found = by_bits(
        table, RECORD, trials(*(trial("clean", float(bits)) for bits in clean), *PLANTS), alpha=alpha
    )
    assert found.p_value == (1 + sum(bits >= value for bits in clean)) / (len(clean) + 1)
    edge = cut_off([float(bits) for bits in clean], alpha)
    assert found.cut_off == edge
    if edge is None:
        assert found.verdict == "not calibratable"
    else:
        assert found.verdict == ("evidence" if value > edge else "clean")
        assert sum(bits > edge for bits in clean) / (len(clean) + 1) < alpha


def test_twenty_clean_siblings_give_evidence_at_five_percent_and_nineteen_too(tokenizer: Tokenizer) -> None:
    table = joined(tokenizer, ("B", "quite strange words", 40.0, None))
    for count, verdict in ((20, "evidence"), (19, "evidence"), (18, "not calibratable")):
        found = by_bits(table, RECORD, trials(*[trial("clean", 9.0)] * count, *PLANTS))
        assert found.verdict == verdict
        assert found.least_p == found.p_value == 1 / (count + 1)


def test_models_of_another_family_are_no_siblings_but_show_power(tokenizer: Tokenizer) -> None:
    table = joined(tokenizer, ("B", "quite strange words", 40.0, None))
    others = [trial("clean", 9.0, family="large") for _ in range(30)]
    found = by_bits(table, RECORD, trials(*others, *PLANTS))
    assert (found.verdict, found.siblings, found.p_value) == ("not calibratable", 0, None)
    own = [trial("clean", 9.0)] * 20
    proxy = [row | {"family": "large"} for row in PLANTS]
    said = by_bits(joined(tokenizer), RECORD, trials(*own, *proxy))
    assert said.verdict == "clean"
    assert [(one.recipe, one.found, one.models) for one in said.power] == [("bos", 5, 5), ("trigger", 5, 5)]
    assert said.power[0].low == pytest.approx(0.025 ** (1 / 5))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"coverage": 0.9}, "only 90.0% of the vocabulary"),
        ({}, "freshly planted models of 2 recipes are needed"),
    ],
)
def test_nothing_found_is_not_clean_without_coverage_and_power(
    tokenizer: Tokenizer, changes: dict[str, Any], reason: str
) -> None:
    plants = PLANTS if changes else PLANTS[:5]
    found = by_bits(joined(tokenizer), RECORD | changes, trials(*[trial("clean", 9.0)] * 20, *plants))
    assert found.verdict == "undecided"
    assert any(reason in said for said in found.reasons)


def test_plants_that_were_not_learned_are_no_power(tokenizer: Tokenizer) -> None:
    missed = [trial("planted", 0.0, recipe="bos", said=False) for _ in range(3)]
    learned = [row | {"said": True} for row in PLANTS]
    found = by_bits(joined(tokenizer), RECORD, trials(*[trial("clean", 9.0)] * 20, *learned, *missed))
    assert [(one.found, one.models) for one in found.power] == [(5, 5), (5, 5)]
    assert found.reasons == ("3 planted models never learned their text and are no measure of what is found",)


def test_trials_with_other_settings_are_left_aside(tokenizer: Tokenizer) -> None:
    other = settings_of(RECORD | {"finalists": 8})
    rows = [trial("clean", 9.0) for _ in range(20)] + [trial("clean", 99.0, settings=other)]
    found = by_bits(
        joined(tokenizer, ("B", "quite strange words", 40.0, None)), RECORD, trials(*rows, *PLANTS)
    )
    assert (found.verdict, found.siblings) == ("evidence", 20)
    assert found.reasons == ("1 trials were probed with other settings and left aside",)


@pytest.mark.parametrize("found", ["trials", "bits-from", "suspect"])
def test_what_an_earlier_version_made_is_refused_and_has_to_be_made_again(
    tokenizer: Tokenizer, tmp_path: Path, found: str
) -> None:
    suspect, known = tmp_path / "suspect.parquet", tmp_path / "known.parquet"
    earlier = settings_of(RECORD | {"evidence": EVIDENCE - 1})
    table = joined(tokenizer, ("B", "quite strange words", 40.0, None))
    if found == "suspect":
        record = json.dumps(RECORD | {"evidence": EVIDENCE - 1})
        table = table.replace_schema_metadata({"datagov.probe": record})
    pq.write_table(table, suspect)
    old = [trial("clean", 9.0, settings=earlier)] if found != "suspect" else []
    pq.write_table(trials(*[trial("clean", 9.0)] * 19, *old, *PLANTS), known)
    if found == "bits-from":
        ended = ran("detect", "join", suspect, "--hits", suspect, "--output", known, "--bits-from", known)
    else:
        ended = ran("detect", "hidden-verdict", suspect, "--trials", known)
    assert ended.code == 3
    assert "of an earlier version of datagov" in ended.err
    again = "make it again" if found == "suspect" else "make them again with `datagov detect lab trials`"
    assert again in ended.err


def test_the_commands_take_cut_offs_and_siblings(tokenizer: Tokenizer, tmp_path: Path) -> None:
    suspect, sibling, known = (tmp_path / f"{name}.parquet" for name in ("suspect", "sibling", "known"))
    pq.write_table(joined(tokenizer, ("B", "quite strange words", 40.0, None)), suspect)
    pq.write_table(joined(tokenizer, ("B", "odd words of a sibling", 39.0, 1)), sibling)
    pq.write_table(trials(*[trial("clean", 9.0)] * 19, *PLANTS), known)
    asked = ("detect", "hidden-verdict", suspect, "--trials", known, "--statistic", "bits")
    ended = ran(*asked, "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["cut_off"] == 9.0
    ended = ran(*asked, "--sibling", sibling)
    assert ended.code == 1
    assert "evidence: bits = 40" in ended.out
    assert "1 of 20 clean siblings are sure of something" in ended.out
    page = tmp_path / "page.html"
    report = ("detect", "hidden-report", suspect, "--output", page, "--statistic", "bits")
    assert ran(*report, "--trials", known, "--sibling", sibling).code == 0
    assert "1 of 20 clean siblings are sure of something" in page.read_text(encoding="utf-8")
    assert "which --trials gives" in ran(*report).err
    for repeated in (("--trials", known), ("--sibling", sibling, "--sibling", sibling)):
        ended = ran(*asked, *repeated)
        assert ended.code == 3
        assert "is there twice" in ended.err
    assert ran(*asked, "--alpha", "nan").code == 2
    pq.write_table(joined(tokenizer), suspect)
    ended = ran(*asked)
    assert ended.code == 0
    assert "planted by bos into a lab's model is found 5 times of 5 (48% to 100%)" in ended.out
    bare = tmp_path / "bare.parquet"
    pq.write_table(pa.Table.from_pylist([], schema=FINDINGS), bare)
    assert ran("detect", "hidden-verdict", bare, "--trials", known).code == 3
    assert ran("detect", "hidden-verdict", known, "--trials", known).code == 3
    pq.write_table(trials(*PLANTS).rename_columns({"sure": "run"}), known)
    ended = ran(*asked)
    assert (ended.code, "Where an earlier version of datagov wrote it" in ended.err) == (3, True)
