"""What every signal family must hold to, as named checks: for datagov's own families and for yours.

    from datagov.testing import CHECKS, check_family

    check_family(MY_FAMILY)                                       # all of them; raises at the first that fails

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_family(check):
        check(MY_FAMILY, {})

A check takes a family and its parameters, returns None, and raises AssertionError with what is wrong. Where a
parameter is a file, give its path. `datagov rules my_module:MY_FAMILY --check` runs them from the command line,
`datagov rules classifier --check --file model=PATH` for a family that reads a file.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from datagov.errors import ConfigError
from datagov.model_files import model_file
from datagov.policy import values
from datagov.rule import Origin, Params, SignalFamily
from datagov.signals import resolve_params
from datagov.signals.imported import measured
from datagov.signals.warm import EXAMPLES
from datagov.text.batch import TextBatch

__all__ = ["AWKWARD", "CHECKS", "EXAMPLES", "Check", "check_family", "params_of"]

Check = Callable[[SignalFamily, Mapping[str, Any]], None]

AWKWARD: Mapping[str, str] = {
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
"""Texts on which rules break, by what is odd about them."""

SHORT = [text for text in AWKWARD.values() if len(text) < 1000]
PIECES = [
    "a",
    "the ",
    "Of",
    " ",
    "\n",
    "。",
    "我们",
    "1",
    "#",
    "…",
    "...",
    "é",
    "😀",
    "\t- ",
    "\x00",
    "Я",
    "カ",
]
DRAWN = 60


def drawn_texts() -> list[str]:
    """Return some short texts drawn at random, the same each time."""
    drawing = random.Random(0)  # noqa: S311 - no secret
    return ["".join(drawing.choices(PIECES, k=drawing.randrange(12))) for _ in range(DRAWN)]


def check_family(family: SignalFamily, params: Mapping[str, Any] | None = None) -> None:
    """Run every check on a family.

    Parameters
    ----------
    family : SignalFamily
        Of any origin.
    params : mapping, optional
        Parameters that have no default, or that should differ from it; files by their paths. For those of datagov's
        own families without a default that are no files, `EXAMPLES` has values.

    Raises
    ------
    AssertionError
        A check failed; the message says which rule or text it was.
    """
    for check in CHECKS:
        check(family, params or {})


def params_of(family: SignalFamily, given: Mapping[str, Any]) -> Params:
    """Return what a recipe would: files read where a path is given, defaults for the rest."""
    files = {
        name: model_file(Path(value))
        for name, value in given.items()
        if name in family.files and isinstance(value, str | Path)
    }
    return resolve_params(family, {**given, **files})


def rows_of(family: SignalFamily, given: Mapping[str, Any], texts: Sequence[str]) -> pa.RecordBatch:
    """Measure texts as a run would; what is not as declared fails the check."""
    if family.origin is None:
        family = SignalFamily(**{**vars(family), "origin": Origin(family.id, "")})
    params = params_of(family, given)
    try:
        return measured(family, TextBatch(pa.array(texts, pa.large_string())), params)
    except ConfigError as error:
        raise AssertionError(error.message) from error


def require(holds: bool, what: str) -> None:
    """Fail a check unless something holds; `assert` would be silent where Python optimises."""
    if not holds:
        raise AssertionError(what)


def check_rules_say_what_they_are(family: SignalFamily, params: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Read every rule: it has a plain name, unit, formula, range, source, and says when it is undefined."""
    for rule in family.rules:
        require(re.fullmatch(r"[a-z][a-z0-9_]*", rule.name) is not None, f"{rule.name!r}: not a plain name")
        for name in ("unit", "formula", "null_when", "source"):
            said = getattr(rule, name)
            require(isinstance(said, str) and said.strip() != "", f"{rule.name}: {name} says nothing")
            require(said == said.strip(), f"{rule.name}: {name} has white space around it")
        require(rule.formula.endswith("."), f"{rule.name}: the formula is not a sentence")
        low, high = rule.value_range
        require(high is None or low < high, f"{rule.name}: the range is empty")
        if rule.name.endswith("_fraction") and not rule.name.startswith("top_"):
            require(rule.value_range == (0.0, 1.0), f"{rule.name}: a fraction lies in [0, 1]")


def check_table_is_as_declared(family: SignalFamily, params: Mapping[str, Any]) -> None:
    """Measure odd texts: one row a document, an int64 column for each name in the rules, no other, none negative."""
    table = rows_of(family, params, list(AWKWARD.values()))
    for column in table.columns:
        require(all(value is None or value >= 0 for value in column.to_pylist()), "a count is negative")


def check_values_lie_in_range(family: SignalFamily, params: Mapping[str, Any]) -> None:
    """Measure odd texts and drawn ones: every value lies in its rule's range or is NULL; none is NULL where that is said never to be."""
    for texts in (list(AWKWARD.values()), drawn_texts()):
        for name, found in values(rows_of(family, params, texts), family.rules).items():
            rule = family.rule(name)
            low, high = rule.value_range
            for text, value in zip(texts, found.to_pylist(), strict=True):
                shown = repr(text[:20])
                require(value is not None or rule.null_when != "never", f"{name} is NULL for {shown}")
                inside = value is None or (low <= value and (high is None or value <= high))
                require(inside, f"{name} is {value} for {shown}, outside {rule.value_range}")


def check_batch_may_be_empty(family: SignalFamily, params: Mapping[str, Any]) -> None:
    """Measure no documents: the table has no rows, and the same schema."""
    empty = rows_of(family, params, [])
    require(empty.schema == rows_of(family, params, ["x"]).schema, "the schema of an empty batch differs")


def check_is_deterministic(family: SignalFamily, params: Mapping[str, Any]) -> None:
    """Measure the same texts twice: the rows are the same."""
    texts = [*SHORT, *drawn_texts()]
    again = [rows_of(family, params, texts).to_pylist() for _ in range(2)]
    require(again[0] == again[1], "the same texts were measured differently")


def check_ignores_batch_mates(family: SignalFamily, params: Mapping[str, Any]) -> None:
    """Measure documents alone, among others and in another order: their rows are the same."""
    texts = [*SHORT, *drawn_texts()]
    together = rows_of(family, params, texts).to_pylist()
    backwards = rows_of(family, params, texts[::-1]).to_pylist()[::-1]
    for text, row, other in zip(texts, together, backwards, strict=True):
        require(row == other, f"{text[:20]!r} depends on the order of its batch")
        require(row == rows_of(family, params, [text]).to_pylist()[0], f"{text[:20]!r} depends on its batch")


def check_spans_lie_in_their_documents(family: SignalFamily, params: Mapping[str, Any]) -> None:
    """Ask a family that says where: the same counts, and spans in order, none empty or outside its text."""
    if family.locate is None:
        return
    texts = [*SHORT, *drawn_texts()]
    counts, spans = family.locate(TextBatch(pa.array(texts, pa.large_string())), params_of(family, params))
    require(
        counts.to_pylist() == rows_of(family, params, texts).to_pylist(),
        "locate and measure count differently",
    )
    last = (-1, 0)
    for span in spans.to_pylist():
        shown = f"{span} of {texts[span['row']][:20]!r}" if 0 <= span["row"] < len(texts) else f"{span}"
        require(0 <= span["row"] < len(texts), f"{shown}: there is no such row")
        require(0 <= span["start"] < span["end"] <= len(texts[span["row"]]), f"{shown}: not in the text")
        require(last <= (span["row"], span["start"]), f"{shown}: out of order")
        require(bool(span["rule"]), f"{shown}: does not say what was found")
        last = (span["row"], span["start"])


def check_lines_add_up(family: SignalFamily, params: Mapping[str, Any]) -> None:
    """Ask a family that measures lines: lines in order, none outside its text, whose columns add up to the document's."""
    if family.by_line is None:
        return
    texts = [*SHORT, *drawn_texts()]
    batch = TextBatch(pa.array(texts, pa.large_string()))
    sums = [dict.fromkeys(family.columns, 0) for _ in texts]
    last = (-1, 0)
    for line in family.by_line(batch, params_of(family, params)).to_pylist():
        text = texts[line["row"]]
        inside = (
            0 <= line["start"] < line["end"] <= len(text) and "\n" not in text[line["start"] : line["end"]]
        )
        require(inside, f"{line} is no line of {text[:20]!r}")
        require(last < (line["row"], line["line"]), f"{line} of {text[:20]!r}: out of order")
        last = (line["row"], line["line"])
        for name in family.columns:
            sums[line["row"]][name] += line[name]
    require(rows_of(family, params, texts).to_pylist() == sums, "the lines do not add up to their documents")


CHECKS: tuple[Check, ...] = (
    check_rules_say_what_they_are,
    check_table_is_as_declared,
    check_values_lie_in_range,
    check_batch_may_be_empty,
    check_is_deterministic,
    check_ignores_batch_mates,
    check_spans_lie_in_their_documents,
    check_lines_add_up,
)
"""All checks, in the order in which `check_family` runs them."""
