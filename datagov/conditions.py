"""Conditions on signals: an expression over numbers that is true, false or undefined for a document.

An expression is a tree of plain lists, so that it travels in recipes and manifests and is read without
a parser; `datagov.condition_sql` makes trees from SQL. A node is its operator and then its operands:

    ["signal", name]  ["number", 1.5]  ["label", "zh"]  ["truth", true]  ["null"]
    ["+", a, b]  -  *  /     ["minus", a]  ["abs", a]
    ["=", a, b]  <>  <  <=  >  >=
    ["and", a, b, ...]  or     ["not", a]  ["is null", a]
    ["coalesce", a, b, ...]  ["case", [when, then], ..., otherwise]

Logic is three-valued as in SQL. All numbers are float64; a result that is not a finite number, such as
that of a division by zero, is undefined. A label is the number that signals have for it (`datagov.labels`);
what reads a condition sees to it that labels are compared with labels only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datagov.errors import ConfigError
from datagov.labels import code_of

__all__ = ["COMPARISONS", "Condition", "evaluate", "kind_of", "labels_in", "signals_in", "sql_of"]

Tree = list[Any]

ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "+": pc.add,
    "-": pc.subtract,
    "*": pc.multiply,
    "/": pc.divide,
}
COMPARISONS: Mapping[str, Callable[..., Any]] = {
    "=": pc.equal,
    "<>": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
LOGIC: Mapping[str, Callable[..., Any]] = {"and": pc.and_kleene, "or": pc.or_kleene}
TYPES = {"number": pa.float64(), "truth": pa.bool_()}
BINDING = {"or": 1, "and": 2, "not": 3, **dict.fromkeys(COMPARISONS, 4), "is null": 4}
BINDING |= {"+": 5, "-": 5, "*": 6, "/": 6, "minus": 7}
"""How tightly operators hold their operands, in SQL; what is not named here needs no parentheses."""


@dataclass(frozen=True)
class Condition:
    """What must be true of a document's signals for it to be kept."""

    name: str
    """Rule that reasons name."""
    tree: Tree
    missing: str = "drop"
    """Where it is undefined: `keep` crosses nothing, `drop` is a crossing, as SQL's WHERE has it, `fail` an error."""
    source: str = ""

    @property
    def sql(self) -> str:
        """The expression as SQL, in one way of writing it."""
        return sql_of(self.tree)


def kind_of(tree: Tree) -> str:
    """Return what an expression says: `number`, `truth`, or `null` where it is never defined.

    Raises
    ------
    ConfigError
        An operator is given what it does not take.
    """
    operator, *operands = tree
    if operator in ("signal", "number", "label"):
        return "number"
    if operator in ("truth", "null"):
        return str(operator)
    if operator == "case":
        *branches, otherwise = operands
        for when, _ in branches:
            require(when, "truth", "CASE WHEN")
        return one_kind([*(then for _, then in branches), otherwise], "CASE")
    if operator == "coalesce":
        return one_kind(operands, "COALESCE")
    if operator in ("=", "<>"):
        one_kind(operands, operator)
    elif operator != "is null":
        wanted = "truth" if operator in (*LOGIC, "not") else "number"
        for operand in operands:
            require(operand, wanted, operator.upper())
    else:
        kind_of(operands[0])
    return "number" if operator in ARITHMETIC or operator in ("minus", "abs") else "truth"


def require(tree: Tree, wanted: str, operator: str) -> None:
    """Raise ConfigError unless an operand is of the wanted kind."""
    if kind_of(tree) not in (wanted, "null"):
        what = "a truth value" if wanted == "truth" else "a number"
        raise ConfigError(f"{operator} needs {what}, and {sql_of(tree)} is none.")


def one_kind(trees: list[Tree], operator: str) -> str:
    """Return the kind that some operands share."""
    kinds = {kind_of(tree) for tree in trees} - {"null"}
    if len(kinds) > 1:
        raise ConfigError(f"{operator} mixes numbers and truth values: {', '.join(map(sql_of, trees))}.")
    return kinds.pop() if kinds else "null"


def signals_in(tree: Tree) -> list[str]:
    """Return the signals an expression reads, each once, in the order in which they stand there."""

    def read(node: Any) -> Iterator[str]:
        if isinstance(node, list) and node and node[0] == "signal":
            yield node[1]
        elif isinstance(node, list):
            for inner in node:
                yield from read(inner)

    return list(dict.fromkeys(read(tree)))


def labels_in(tree: Tree) -> list[tuple[str, str]]:
    """Return (signal, label) of the comparisons of a signal with a label, as they stand there."""

    def read(node: Any) -> Iterator[tuple[str, str]]:
        if not isinstance(node, list):
            return
        if len(node) == 3 and node[0] in ("=", "<>"):
            sides = {side[0]: side[1] for side in node[1:] if len(side) == 2}
            if "label" in sides and "signal" in sides:
                yield sides["signal"], sides["label"]
        for inner in node:
            yield from read(inner)

    return list(read(tree))


def evaluate(tree: Tree, values: Mapping[str, pa.DoubleArray], *, rows: int) -> pa.BooleanArray:
    """Return what a condition is for each document.

    Parameters
    ----------
    tree : list
        Of kind `truth`.
    values : mapping of str to DoubleArray
        The values of all its signals, N each; NULL is undefined.
    rows : int
        N.

    Returns
    -------
    BooleanArray
        N; NULL where the condition is undefined.
    """
    found = compute(tree, values, pa.bool_())
    return pa.repeat(found, rows) if isinstance(found, pa.Scalar) else found


def compute(tree: Tree, values: Mapping[str, pa.DoubleArray], kind: pa.DataType) -> Any:
    """Return an expression's value as an array, or as a scalar where it reads no signal."""
    operator, *operands = tree
    if operator == "signal":
        return values[operands[0]]
    if operator == "label":
        return pa.scalar(code_of(operands[0]), kind)
    if operator in ("number", "truth", "null"):
        return pa.scalar(operands[0] if operands else None, kind)
    if operator == "case":
        *branches, otherwise = operands
        found = compute(otherwise, values, kind)
        for when, then in reversed(branches):
            chosen = pc.fill_null(compute(when, values, pa.bool_()), fill_value=False)
            found = pc.if_else(chosen, compute(then, values, kind), found)
        return found
    if operator == "coalesce":
        return pc.coalesce(*(compute(operand, values, kind) for operand in operands))
    if operator in ("=", "<>", "is null"):
        inner = TYPES.get(one_kind(operands, operator), pa.float64())
    else:
        inner = pa.bool_() if operator in (*LOGIC, "not") else pa.float64()
    computed = [compute(operand, values, inner) for operand in operands]
    if operator in LOGIC:
        return reduce(LOGIC[operator], computed)
    if operator in COMPARISONS:
        return COMPARISONS[operator](*computed)
    if operator in ARITHMETIC:
        return finite(ARITHMETIC[operator](*computed))
    one_operand = {"not": pc.invert, "is null": pc.is_null, "minus": pc.negate, "abs": pc.abs}
    return one_operand[operator](*computed)


def finite(numbers: Any) -> Any:
    """Return numbers with NULL in place of infinities and NaN."""
    return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))


def sql_of(tree: Tree) -> str:
    """Return an expression as SQL."""
    operator, *operands = tree
    if operator == "signal":
        return str(operands[0])
    if operator == "number":
        return repr(operands[0]).removesuffix(".0")
    if operator == "label":
        return f"'{operands[0]}'"
    if operator in ("truth", "null"):
        return "NULL" if not operands else str(operands[0]).upper()
    if operator == "case":
        *branches, otherwise = operands
        whens = "".join(f" WHEN {sql_of(when)} THEN {sql_of(then)}" for when, then in branches)
        return f"CASE{whens} ELSE {sql_of(otherwise)} END"
    if operator in ("coalesce", "abs"):
        return f"{operator}({', '.join(map(sql_of, operands))})"
    held = BINDING[operator]
    if operator in ("not", "minus"):
        sign = "NOT " if operator == "not" else "-"
        return sign + inside(operands[0], held + 1)
    if operator == "is null":
        return f"{inside(operands[0], held + 1)} IS NULL"
    first, *others = operands
    # Comparisons do not chain, and `a - (b - c)` is not `a - b - c`.
    left = inside(first, held + (operator in COMPARISONS))
    return f" {operator.upper()} ".join([left, *(inside(other, held + 1) for other in others)])


def inside(tree: Tree, least: int) -> str:
    """Return an operand, in parentheses where it holds its own operands less tightly."""
    negative = tree[0] == "number" and tree[1] < 0
    text = sql_of(tree)
    return f"({text})" if negative or BINDING.get(tree[0], 9) < least else text
