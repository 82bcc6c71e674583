"""Conditions on signals: what is understood, and what they are worth, against DuckDB."""

from __future__ import annotations

import json
import re
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from examples import examples
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from datagov.condition_sql import condition_tree
from datagov.conditions import evaluate, kind_of, signals_in, sql_of
from datagov.errors import ConfigError
from datagov.labels import code_of
from datagov.rule import Quantity

SIGNALS = ("a", "b", "c")
VALUES = [None, -1.0, 0.0, 0.5, 1.0, 2.0]


LABELS = ("tongue", "other_tongue")


def plain(name: str) -> Quantity:
    """Take the names of this file for signals."""
    rule = name.rpartition("/")[2]
    if rule not in (*SIGNALS, *LABELS):
        raise ConfigError(f"There is no signal {rule!r}.")
    return Quantity(rule, rule, None, is_label=rule in LABELS)


def holds(sql: str, **values: list[float | None]) -> list[bool | None]:
    rows = len(next(iter(values.values())))
    columns = {name: pa.array(column, pa.float64()) for name, column in values.items()}
    return evaluate(condition_tree(sql, plain), columns, rows=rows).to_pylist()


def numbers(deeper: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    truths = st.deferred(lambda: TRUTHS)
    return (
        st.tuples(deeper, st.sampled_from("+-*/"), deeper).map(" ".join)
        | deeper.map(lambda text: f"({text})")
        | deeper.map(lambda text: f"-({text})")
        | deeper.map(lambda text: f"abs({text})")
        | st.tuples(deeper, deeper).map(lambda two: f"coalesce({two[0]}, {two[1]})")
        | st.tuples(truths, deeper, deeper).map(
            lambda three: f"CASE WHEN {three[0]} THEN {three[1]} ELSE {three[2]} END"
        )
        | st.tuples(truths, deeper).map(lambda two: f"case when {two[0]} then {two[1]} end")
    )


NUMBERS: st.SearchStrategy[str] = st.recursive(
    st.sampled_from([*SIGNALS, *SIGNALS, "0", "1", "2", "0.25", "1.5", "1e0"]), numbers, max_leaves=4
)
COMPARED = (
    st.tuples(NUMBERS, st.sampled_from(["=", "==", "<>", "!=", "<", "<=", ">", ">="]), NUMBERS).map(" ".join)
    | st.tuples(NUMBERS, st.sampled_from(["", "NOT "]), NUMBERS, NUMBERS).map(
        lambda four: f"{four[0]} {four[1]}BETWEEN {four[2]} AND {four[3]}"
    )
    | st.tuples(NUMBERS, st.sampled_from(["", "not "]), NUMBERS).map(
        lambda three: f"{three[0]} {three[1]}in ({three[2]}, 2, NULL)"
    )
    | st.tuples(NUMBERS, st.sampled_from(["", "NOT "])).map(lambda two: f"{two[0]} IS {two[1]}NULL")
    | st.sampled_from(["TRUE", "false"])
)


def truths(deeper: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        st.tuples(deeper, st.sampled_from(["AND", "or"]), deeper).map(" ".join)
        | deeper.map(lambda text: f"NOT {text}")
        | deeper.map(lambda text: f"({text})")
        | deeper.map(lambda text: f"({text}) IS NOT TRUE")
        | deeper.map(lambda text: f"({text}) is null")
    )


TRUTHS = st.recursive(COMPARED, truths, max_leaves=5)


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Every combination of some values of three signals."""
    rows = [(a, b, c) for a in VALUES for b in VALUES for c in VALUES]
    columns = zip(*rows, strict=True)
    return pa.table(
        {name: pa.array(column, pa.float64()) for name, column in zip(SIGNALS, columns, strict=True)}
    )


@pytest.fixture(scope="module")
def database(table: pa.Table) -> duckdb.DuckDBPyConnection:
    """DuckDB over the same rows; a division by zero is NULL there too."""
    con = duckdb.connect()
    con.execute("SET ieee_floating_point_ops = false")
    con.execute("SET error_on_division_by_zero = false")
    con.register("given", table)
    con.execute("CREATE TABLE signals AS SELECT * FROM given")
    con.execute("PRAGMA threads=1")
    return con


@settings(max_examples=examples(150))
@example(sql="a / a IS NULL")
@example(sql="1 / a > 2")
@given(sql=TRUTHS)
def test_a_condition_is_worth_what_duckdb_says(
    sql: str, table: pa.Table, database: duckdb.DuckDBPyConnection
) -> None:
    assume(re.search(r"\b[abc]\b", sql))
    tree = condition_tree(sql, plain)
    values = {name: table.column(name).combine_chunks() for name in SIGNALS}
    mine = evaluate(tree, values, rows=table.num_rows).to_pylist()
    # What DuckDB itself makes of the text, and of the text in our one way of writing it.
    for written in (sql, sql_of(tree)):
        theirs = database.execute(f"SELECT ({written})::BOOLEAN FROM signals ORDER BY rowid").fetchall()  # noqa: S608 - made here
        assert mine == [row[0] for row in theirs], written
    assert condition_tree(sql_of(tree), plain) == tree
    assert json.loads(json.dumps(tree)) == tree


def test_undefined_is_neither_true_nor_false() -> None:
    assert holds("a > 1", a=[2, 1, None]) == [True, False, None]
    assert holds("a > 1 OR b > 1", a=[2, None, None], b=[None, 2, 1]) == [True, True, None]
    assert holds("NOT a > 1 AND b > 1", a=[None, None], b=[2, 1]) == [None, False]
    assert holds("a / b > 1 OR a * b = a * b", a=[1, None], b=[0, 0]) == [True, None]
    assert holds("a / b > 1", a=[1, -1, 0], b=[0, 0, 0]) == [None, None, None]
    assert holds("1e300 * a * 1e300 > 1", a=[1]) == [None]
    assert holds("coalesce(a, 0) >= 0", a=[None, -1]) == [True, False]


@pytest.mark.parametrize(
    "written",
    [
        "a>=1 and a<=2 AND (b=1 or b=2.0)",
        "a BETWEEN 1 AND 2 AND b IN (1, 2)",
        "  ((a between 1.0 and 2)) and (B in (1,2))",
    ],
)
def test_ways_of_writing_the_same_are_the_same(written: str) -> None:
    tree = condition_tree(written, plain)
    between = ["and", [">=", ["signal", "a"], ["number", 1.0]], ["<=", ["signal", "a"], ["number", 2.0]]]
    among = ["or", ["=", ["signal", "b"], ["number", 1.0]], ["=", ["signal", "b"], ["number", 2.0]]]
    assert tree == [*between, among]
    assert sql_of(tree) == "a >= 1 AND a <= 2 AND (b = 1 OR b = 2)"
    assert (signals_in(tree), kind_of(tree)) == (["a", "b"], "truth")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("a", "a is no condition"),
        ("a + 1", "neither true nor false"),
        ("1 = 1", "speaks of no signal"),
        ("a >", "not an SQL expression at column 3: it ends where"),
        ("a > 1 AND", "not an SQL expression"),
        ("", "expected one SQL expression"),
        ("a > 1; b > 1", "expected one SQL expression"),
        ("a AND b > 1", "AND needs a truth value, and a is none"),
        ("a < b < c", "< needs a number, and a < b is none"),
        ("a = (b > 1)", "mixes numbers and truth values"),
        ("CASE WHEN a > 1 THEN 1 ELSE b > 1 END", "CASE mixes"),
        ("a > 'x'", "'x' is a label: compare it with labels"),
        ("a = 'x'", "'x' is a label: compare it with labels"),
        ("tongue = 1", "tongue is a label: compare it with labels"),
        ("tongue > 'zh'", "tongue is a label"),
        ("abs(tongue) > 1", "tongue is a label"),
        ("NOT (a > 1 AND tongue + 1 > b)", "tongue is a label"),
        ("CASE WHEN a > 1 THEN tongue ELSE b END > 1", "tongue is a label"),
        ("CASE WHEN tongue = 1 THEN a ELSE b END > 1", "tongue is a label"),
        ("coalesce(tongue, 1) = 1", "tongue is a label"),
        ("tongue = 'a b'", "'a b' is no label"),
        ("a LIKE 'x'", "not understood here. A condition has signals, numbers"),
        ("a IN (SELECT 1)", "IN needs a list"),
        ("sum(a) > 1", "not understood here"),
        ("a % 2 = 1", "not understood here"),
        ("a::INTEGER > 1", "not understood here"),
        ("DROP TABLE a", "not understood here"),
        ("a > 1e999", "too large"),
        ("x.y.a > 1", "a signal is RULE, or FAMILY.RULE"),
        ("d > 1", "There is no signal 'd'"),
        ("a IS 3", "IS goes with NULL, TRUE and FALSE"),
        ("a > 1 AND " * 500 + "b > 1", "at most 4000 are read"),
        ("NOT " * 400 + "a > 1", "nested too deep"),
        ("(" * 1500 + "a > 1" + ")" * 1500, "nested too deep"),
    ],
)  # fmt: skip
def test_what_is_no_condition_is_refused(sql: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        condition_tree(sql, plain)
    assert message in caught.value.message


def test_a_family_can_stand_before_its_rule() -> None:
    named: list[str] = []

    def signal(name: str) -> Quantity:
        named.append(name)
        return Quantity(name.rpartition("/")[2], "", None)

    tree: list[Any] = condition_tree("words.word_count > Mean_Word_Length", signal)
    assert tree == [">", ["signal", "word_count"], ["signal", "mean_word_length"]]
    assert named == ["words/word_count", "mean_word_length"]


def test_labels_are_compared_with_names() -> None:
    zh, en = float(code_of("zh")), float(code_of("en"))
    columns: dict[str, list[float | None]] = {
        "tongue": [zh, en, None],
        "a": [0.9, 0.9, 0.9],
        "other_tongue": [zh, zh, en],
    }
    assert holds("tongue = 'zh'", **columns) == [True, False, None]
    assert holds("tongue IN ('zh', 'yue') AND a > 0.5", **columns) == [True, False, None]
    assert holds("tongue NOT IN ('zh') OR tongue IS NULL", **columns) == [False, True, True]
    assert holds("tongue <> other_tongue", **columns) == [False, True, None]
    tree = condition_tree("tongue IN ('zh', 'cmn_Hani')", plain)
    assert sql_of(tree) == "tongue = 'zh' OR tongue = 'cmn_Hani'"
    assert condition_tree(sql_of(tree), plain) == tree
