"""SQL's boolean expressions, read into trees of `datagov.conditions`.

sqlglot reads the SQL, as DuckDB writes it; what is understood is listed here, and all else is refused. Ways
of writing the same come out as one tree: BETWEEN is two comparisons, IN is some equalities, and spaces,
parentheses and upper case say nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

from datagov.conditions import Tree, kind_of, signals_in, sql_of
from datagov.errors import ConfigError
from datagov.labels import code_of

if TYPE_CHECKING:
    from sqlglot import exp

    from datagov.rule import Quantity

__all__ = ["condition_tree"]

MOST_CHARS = 4000
"""Longest expression read."""
MOST_DEEP = 50
"""Most operators inside one another."""

OPERATORS = {
    "Add": "+",
    "Sub": "-",
    "Mul": "*",
    "Div": "/",
    "EQ": "=",
    "NEQ": "<>",
    "LT": "<",
    "LTE": "<=",
    "GT": ">",
    "GTE": ">=",
    "And": "and",
    "Or": "or",
    "Not": "not",
    "Neg": "minus",
    "Abs": "abs",
}
"""Nodes of sqlglot whose operands are all that they say -> operator."""

UNDERSTOOD = (
    "signals, numbers, 'labels', TRUE, FALSE, NULL, + - * /, = <> < <= > >=, BETWEEN, IN, IS NULL, AND, OR, NOT, CASE, "
    "COALESCE and ABS"
)


def condition_tree(sql: str, signal: Callable[[str], Quantity]) -> Tree:
    """Return the tree of a condition.

    Parameters
    ----------
    sql : str
        A boolean expression over signals, such as `word_count >= 50 OR mean_word_length < 4`.
    signal : callable
        From a name as written (`word_count`, `words/word_count` for `words.word_count`) to the quantity it
        means; raises ConfigError for a name that means none.

    Raises
    ------
    ConfigError
        It is not SQL, says something other than the above, names no signal, or compares a label with a number.
    """
    reader = Reader(signal)
    try:
        tree = reader.read(parsed(sql))
        deep = depth(tree) > MOST_DEEP
    except RecursionError:
        deep = True
    if deep:
        raise ConfigError("the condition is nested too deep.")
    if kind_of(tree) != "truth":
        raise ConfigError(f"{sql_of(tree)} is no condition: it is neither true nor false.")
    if not signals_in(tree):
        raise ConfigError(f"{sql_of(tree)} speaks of no signal.")
    check_labels(tree, reader.labels)
    return tree


def check_labels(tree: Tree, labels: Collection[str]) -> None:
    """Raise ConfigError unless labels stand only beside labels, in = and <>, and before IS NULL.

    `labels` are the signals that are labels.
    """
    operator, *operands = tree
    nodes = [node for node in operands if isinstance(node, list)]
    are = [node[0] == "label" or (node[0] == "signal" and node[1] in labels) for node in nodes]
    if any(are) and operator != "is null" and not (operator in ("=", "<>") and all(are)):
        name = sql_of(nodes[are.index(True)])
        raise ConfigError(
            f"{name} is a label: compare it with labels, as in language = 'zh', and nothing else."
        )
    for node in nodes:
        if node[0] in ("signal", "number", "label", "truth", "null"):
            continue
        if isinstance(node[0], list):  # WHEN and THEN
            for inner in node:
                check_labels(["case", inner], labels)
        else:
            check_labels(node, labels)


def parsed(sql: str) -> exp.Expr:
    """Return sqlglot's tree of one expression."""
    try:
        from sqlglot import parse  # noqa: PLC0415 - needed where a condition is read, and an extra
        from sqlglot.errors import SqlglotError  # noqa: PLC0415 - the same
    except ModuleNotFoundError as error:
        raise ConfigError("`where` needs sqlglot: pip install 'datagov[sql]'.") from error
    if len(sql) > MOST_CHARS:
        raise ConfigError(f"the condition has {len(sql)} characters; at most {MOST_CHARS} are read.")
    try:
        found = parse(sql, read="duckdb")
    except SqlglotError as error:
        message = getattr(error, "errors", None) or [{"description": str(error)}]
        place = f" at column {message[0]['col']}" if message[0].get("col") else ""
        why = str(message[0]["description"]).rstrip(".")
        if why.startswith("Required keyword"):
            why = "it ends where a value or a signal is expected"
        raise ConfigError(f"not an SQL expression{place}: {why}.") from None
    if len(found) != 1 or found[0] is None:
        raise ConfigError("expected one SQL expression, such as word_count >= 50 AND mean_word_length < 8.")
    return found[0]


def depth(tree: Any) -> int:
    """Return how many operators stand inside one another."""
    return 1 + max(map(depth, tree), default=0) if isinstance(tree, list) else 0


class Reader:
    """Reads sqlglot's trees into ours."""

    def __init__(self, signal: Callable[[str], Quantity]) -> None:
        self._signal = signal
        self.labels: set[str] = set()
        """The signals read so far that are labels."""

    def read(self, node: exp.Expr) -> Tree:
        """Return the tree of one node."""
        kind = type(node).__name__
        if kind in ("And", "Or"):
            return [OPERATORS[kind], *self._flat(node, OPERATORS[kind])]
        if kind in OPERATORS:
            return [
                OPERATORS[kind],
                *(self.read(node.args[name]) for name in ("this", "expression") if node.args.get(name)),
            ]
        special = getattr(self, f"_read_{kind.lower()}", None)
        if special is None:
            raise ConfigError(f"{node.sql('duckdb')}: not understood here. A condition has {UNDERSTOOD}.")
        found: Tree = special(node)
        return found

    def _flat(self, node: exp.Expr, operator: str) -> Iterator[Tree]:
        """Yield the operands of a chain of ANDs or ORs, whatever its parentheses."""
        for side in (node.this, node.expression):
            tree = self.read(side)
            yield from tree[1:] if tree[0] == operator else [tree]

    def _read_paren(self, node: exp.Expr) -> Tree:
        return self.read(node.this)

    def _read_column(self, node: exp.Expr) -> Tree:
        parts = ("catalog", "db", "table", "this")
        names = [node.args[part].name for part in parts if node.args.get(part)]
        if len(names) > 2:
            raise ConfigError(f"{node.sql('duckdb')}: a signal is RULE, or FAMILY.RULE.")
        found = self._signal("/".join(names).lower())
        if found.is_label:
            self.labels.add(found.name)
        return ["signal", found.name]

    def _read_literal(self, node: exp.Expr) -> Tree:
        if node.is_string:
            code_of(node.name)
            return ["label", str(node.name)]
        number = float(node.name)
        if not math.isfinite(number):
            raise ConfigError(f"{node.name} is too large a number.")
        return ["number", number]

    def _read_boolean(self, node: exp.Expr) -> Tree:
        return ["truth", bool(node.this)]

    def _read_null(self, _node: exp.Expr) -> Tree:
        return ["null"]

    def _read_is(self, node: exp.Expr) -> Tree:
        operand, what = self.read(node.this), self.read(node.expression)
        if what == ["null"]:
            return ["is null", operand]
        if what[0] != "truth":
            raise ConfigError(f"{node.sql('duckdb')}: IS goes with NULL, TRUE and FALSE.")
        return ["coalesce", ["=", operand, what], ["truth", False]]

    def _read_between(self, node: exp.Expr) -> Tree:
        if node.args.get("symmetric"):
            raise ConfigError(
                f"{node.sql('duckdb')}: BETWEEN SYMMETRIC is not understood; put the smaller first."
            )
        operand = self.read(node.this)
        low, high = self.read(node.args["low"]), self.read(node.args["high"])
        return ["and", [">=", operand, low], ["<=", operand, high]]

    def _read_in(self, node: exp.Expr) -> Tree:
        if not node.expressions:
            raise ConfigError(f"{node.sql('duckdb')}: IN needs a list, such as (1, 2).")
        operand = self.read(node.this)
        equal = [["=", operand, self.read(item)] for item in node.expressions]
        return equal[0] if len(equal) == 1 else ["or", *equal]

    def _read_case(self, node: exp.Expr) -> Tree:
        subject = node.args.get("this")
        branches: list[Any] = []
        for branch in node.args["ifs"]:
            when = self.read(branch.this)
            if subject is not None:
                when = ["=", self.read(subject), when]
            branches.append([when, self.read(branch.args["true"])])
        otherwise = node.args.get("default")
        return ["case", *branches, ["null"] if otherwise is None else self.read(otherwise)]

    def _read_coalesce(self, node: exp.Expr) -> Tree:
        return ["coalesce", *(self.read(item) for item in (node.this, *node.expressions))]
