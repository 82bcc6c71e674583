"""What every family and rule must hold to, whatever it measures."""

from __future__ import annotations

import functools
import itertools
import random
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from examples import examples
from family_files import family_files
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov import policy, signals
from datagov.errors import ConfigError
from datagov.rule import Params, RuleInfo, SignalFamily
from datagov.signals.warm import EXAMPLES, warm
from datagov.testing import AWKWARD, CHECKS, Check, check_family, params_of
from datagov.text.batch import TextBatch

FAMILIES = {family.id: family for family in (*signals.FAMILIES, *signals.MODEL_FAMILIES)}
RULES = {f"{family.id}/{rule.name}": (family, rule) for family in signals.FAMILIES for rule in family.rules}

Given = Callable[[SignalFamily], dict[str, Any]]
Measure = Callable[[SignalFamily, list[str]], pa.RecordBatch]


@pytest.fixture(scope="session")
def given_to(tmp_path_factory: pytest.TempPathFactory) -> Given:
    """What a recipe gives a family: words, or paths of files made once."""
    made: dict[str, dict[str, str]] = {}

    def given(family: SignalFamily) -> dict[str, Any]:
        if family.files and family.name not in made:
            made[family.name] = family_files(family.name, tmp_path_factory.mktemp(family.name))
        return {name: EXAMPLES[name] for name in family.required if name in EXAMPLES} | made.get(
            family.name, {}
        )

    return given


@pytest.fixture(scope="session")
def measure(given_to: Given) -> Measure:
    """Measure texts with a family."""
    read: dict[str, Params] = {}

    def measure(family: SignalFamily, texts: list[str]) -> pa.RecordBatch:
        if family.id not in read:
            read[family.id] = params_of(family, given_to(family))
        return family.measure(TextBatch(pa.array(texts, pa.large_string())), read[family.id])

    return measure


ORDER = random.Random(0).sample(range(len(AWKWARD)), len(AWKWARD))


@pytest.fixture(scope="module")
def counts(measure: Measure) -> Callable[[str], pa.RecordBatch]:
    """A family's counts over the awkward documents, measured once."""
    return functools.cache(lambda family_id: measure(FAMILIES[family_id], list(AWKWARD.values())))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_passes_the_checks_of_all(name: str, check: Check, given_to: Given) -> None:
    check(FAMILIES[name], given_to(FAMILIES[name]))


def test_rule_names_are_unique() -> None:
    names = [rule.name for _, rule in RULES.values()]
    assert len(names) == len(set(names))


def check_range(rule: RuleInfo, values: list[float | None]) -> None:
    low, high = rule.value_range
    for value in values:
        assert value is None or (low <= value and (high is None or value <= high))


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=examples(25))
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=6))
def test_a_document_does_not_depend_on_its_batch(measure: Measure, name: str, texts: list[str]) -> None:
    family = FAMILIES[name]
    together = measure(family, texts).to_pylist()
    assert together == measure(family, texts).to_pylist()
    assert together == [row for text in texts for row in measure(family, [text]).to_pylist()]
    for rule in family.rules:
        check_range(rule, policy.values(measure(family, texts), [rule])[rule.name].to_pylist())


@pytest.mark.parametrize("name", FAMILIES)
def test_awkward_documents_do_not_depend_on_their_order(
    name: str, counts: Callable[[str], pa.RecordBatch], measure: Measure
) -> None:
    together = counts(name).to_pylist()
    texts = list(AWKWARD.values())
    shuffled = measure(FAMILIES[name], [texts[i] for i in ORDER])
    assert shuffled.to_pylist() == [together[i] for i in ORDER]


@pytest.mark.parametrize("name", FAMILIES)
def test_selected_documents_keep_their_row(name: str, given_to: Given) -> None:
    family = FAMILIES[name]
    texts = [text for text in AWKWARD.values() if len(text) < 1000]
    batch = TextBatch(pa.array(texts, pa.large_string()))
    params = params_of(family, given_to(family))
    rows = family.measure(batch, params).to_pylist()
    mask = [i % 3 != 0 for i in range(len(texts))]
    selected = family.measure(batch.select(pa.array(mask).to_numpy(zero_copy_only=False)), params)
    assert selected.to_pylist() == [row for row, kept in zip(rows, mask, strict=True) if kept]


def test_families_are_found_by_name_and_version() -> None:
    assert signals.family("words") is signals.family("words@1")
    with pytest.raises(ConfigError, match=r"Did you mean 'words'"):
        signals.family("word")
    with pytest.raises(ConfigError, match=r"'words@1'"):
        signals.family("words@9")


def test_rules_are_found_with_and_without_their_family() -> None:
    for name in ("word_count", "words/word_count", "words@1/word_count"):
        family, rule = signals.family_of_rule(name)
        assert (family.id, rule.name) == ("words@1", "word_count")
    with pytest.raises(ConfigError, match=r"Did you mean 'word_count'"):
        signals.family_of_rule("word_cuont")
    with pytest.raises(ConfigError, match=r"no signal 'word_count' in family 'lines@1'"):
        signals.family_of_rule("lines/word_count")


def test_parameters_are_checked() -> None:
    assert signals.resolve_params(signals.family("lines"), {"short_line_chars": 10}) == {
        "terminal_also": "",
        "short_line_chars": 10,
    }
    with pytest.raises(ConfigError, match=r"Did you mean 'short_line_chars'"):
        signals.resolve_params(signals.family("lines"), {"short_line_char": 10})
    with pytest.raises(ConfigError, match=r"takes none"):
        signals.resolve_params(signals.family("words"), {"x": 1})
    with pytest.raises(ConfigError, match=r"needs the parameter 'words'"):
        signals.resolve_params(signals.family("stop_words"), {})


def test_warming_compiles_without_complaint() -> None:
    warm()


def faulty(counts: Callable[[int, int], list[int]]) -> SignalFamily:
    """A family whose count for each document is `counts(calls so far, documents)`."""
    calls = itertools.count()

    def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
        return pa.RecordBatch.from_pydict({"n": pa.array(counts(next(calls), batch.n), pa.int64())})

    rule = RuleInfo("n", "n", None, "things", "A number.", (0.0, 50.0), "never", "the tests")
    return SignalFamily("faulty", 1, measure, (rule,))


@pytest.mark.parametrize(
    ("counts", "check", "message"),
    [
        (lambda _, rows: [-1] * rows, "check_table_is_as_declared", "a count is negative"),
        (lambda _, rows: [51] * rows, "check_values_lie_in_range", "n is 51.0 for '', outside"),
        (lambda _, rows: [None] * rows, "check_values_lie_in_range", "n is NULL for ''"),
        (
            lambda _, rows: [0] * max(rows, 1),
            "check_batch_may_be_empty",
            "returned 1 rows for 0 documents",
        ),
        (lambda calls, rows: [calls] * rows, "check_is_deterministic", "measured differently"),
        (lambda _, rows: list(range(rows)), "check_ignores_batch_mates", "depends on the order"),
        (lambda _, rows: [rows % 50] * rows, "check_ignores_batch_mates", "'' depends on its batch"),
    ],
)
def test_a_check_finds_what_it_is_for(counts: Any, check: str, message: str) -> None:
    (chosen,) = (each for each in CHECKS if each.__name__ == check)
    with pytest.raises(AssertionError, match=re.escape(message)):
        chosen(faulty(counts), {})
    with pytest.raises(AssertionError):
        check_family(faulty(counts))


def test_a_rule_that_says_too_little_is_found() -> None:
    family = faulty(lambda _, rows: [0] * rows)
    silent = replace(family, rules=(replace(family.rules[0], formula="A number"),))
    with pytest.raises(AssertionError, match="n: the formula is not a sentence"):
        check_family(silent)
    check_family(family)
