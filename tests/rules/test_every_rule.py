"""What every family and rule must hold to, whatever it measures."""

from __future__ import annotations

import random
import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov import policy, signals
from datagov.errors import ConfigError
from datagov.rule import RuleInfo, SignalFamily
from datagov.signals.warm import EXAMPLES, warm
from datagov.text.batch import TextBatch

FAMILIES = {family.id: family for family in signals.FAMILIES}
RULES = {f"{family.id}/{rule.name}": (family, rule) for family in signals.FAMILIES for rule in family.rules}

AWKWARD = {
    "empty": "",
    "one character": "x",
    "one Han character": "的",
    "white space": " \t\n\u3000\n ",
    "newlines": "\n\n\n",
    "emoji": "😀👨‍👩‍👧‍👦🇨🇳" * 20,
    "Han": "我们在北京的大学里学习。他们也在！\n" * 20,
    "NUL": "a\x00b \x00\x00 the\n\x00",
    "CRLF": "the end.\r\nthe end.\r\n\r\nthe end.\r\n",
    "a million letters": "a" * 1_000_000,
    "a million characters of one sentence": ("the cat sat on the mat.\n" * 42_000)[:1_000_000],
    "a million Han characters": "的一是在不了有和人这中大为上个国我以要他" * 50_000,
    "combining": "e\u0301" * 50 + "\u0301",
    "private and unassigned": "\ue000\U000f0000\U0010ffff\u0378",
    "bidirectional": "\u202eabc\u202c \u2066x\u2069",
}


def params(family: SignalFamily) -> dict:
    return {**family.defaults, **{name: EXAMPLES[name] for name in family.required}}


def measure(family: SignalFamily, texts: list[str]) -> pa.RecordBatch:
    return family.measure(TextBatch(pa.array(texts, pa.large_string())), params(family))


ORDER = random.Random(0).sample(range(len(AWKWARD)), len(AWKWARD))


@pytest.fixture(scope="module")
def counts() -> dict[str, pa.RecordBatch]:
    """Every family's counts over the awkward documents."""
    batch = TextBatch(pa.array(list(AWKWARD.values()), pa.large_string()))
    return {name: family.measure(batch, params(family)) for name, family in FAMILIES.items()}


@pytest.fixture(scope="module")
def shuffled() -> TextBatch:
    """The awkward documents in another order."""
    texts = list(AWKWARD.values())
    return TextBatch(pa.array([texts[i] for i in ORDER], pa.large_string()))


@pytest.mark.parametrize("name", RULES)
def test_rule_says_what_it_is(name: str) -> None:
    _, rule = RULES[name]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", rule.name)
    for said in (rule.unit, rule.formula, rule.null_when, rule.source):
        assert len(said) >= 5
        assert said == said.strip()
    assert rule.formula.endswith(".")
    low, high = rule.value_range
    assert high is None or low < high
    if rule.name.endswith("_fraction") and not rule.name.startswith("top_"):
        assert rule.value_range == (0.0, 1.0)


def test_rule_names_are_unique() -> None:
    names = [rule.name for _, rule in RULES.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", FAMILIES)
def test_columns_are_integers_one_row_a_document(name: str, counts: dict[str, pa.RecordBatch]) -> None:
    table = counts[name]
    assert table.num_rows == len(AWKWARD)
    assert set(table.schema.types) == {pa.int64()}
    for rule in FAMILIES[name].rules:
        assert rule.numerator in table.schema.names
        assert rule.denominator is None or rule.denominator in table.schema.names
    for column in table.columns:
        assert all(value is None or value >= 0 for value in column.to_pylist())


@pytest.mark.parametrize("name", RULES)
def test_values_are_in_range_or_null(name: str, counts: dict[str, pa.RecordBatch]) -> None:
    family, rule = RULES[name]
    values = policy.values(counts[family.id], [rule])[rule.name].to_pylist()
    check_range(rule, values)
    if rule.null_when == "never":
        assert None not in values


def check_range(rule: RuleInfo, values: list[float | None]) -> None:
    low, high = rule.value_range
    for value in values:
        assert value is None or (low <= value and (high is None or value <= high))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_batch_may_be_empty(name: str) -> None:
    family = FAMILIES[name]
    assert measure(family, []).schema == measure(family, ["x"]).schema
    assert measure(family, []).num_rows == 0


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=25, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=6))
def test_a_document_does_not_depend_on_its_batch(name: str, texts: list[str]) -> None:
    family = FAMILIES[name]
    together = measure(family, texts).to_pylist()
    assert together == measure(family, texts).to_pylist()
    assert together == [row for text in texts for row in measure(family, [text]).to_pylist()]
    for rule in family.rules:
        check_range(rule, policy.values(measure(family, texts), [rule])[rule.name].to_pylist())


@pytest.mark.parametrize("name", FAMILIES)
def test_awkward_documents_do_not_depend_on_their_order(
    name: str, counts: dict[str, pa.RecordBatch], shuffled: TextBatch
) -> None:
    family = FAMILIES[name]
    together = counts[name].to_pylist()
    assert family.measure(shuffled, params(family)).to_pylist() == [together[i] for i in ORDER]


@pytest.mark.parametrize("name", FAMILIES)
def test_selected_documents_keep_their_row(name: str) -> None:
    family = FAMILIES[name]
    texts = [text for text in AWKWARD.values() if len(text) < 1000]
    batch = TextBatch(pa.array(texts, pa.large_string()))
    rows = family.measure(batch, params(family)).to_pylist()
    mask = [i % 3 != 0 for i in range(len(texts))]
    selected = family.measure(batch.select(pa.array(mask).to_numpy(zero_copy_only=False)), params(family))
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
