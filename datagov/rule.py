"""What a signal is, before anything is decided with it.

A signal family measures one batch of texts and returns integers. A rule names one quantity made of
those integers: a count, or the ratio of two counts. Ratios are kept as numerator and denominator and
divided only where a bound is applied, so that stored signals are exact and the same on every CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from datagov.text.batch import TextBatch

__all__ = ["Origin", "Params", "Quantity", "RuleInfo", "SignalFamily"]

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Quantity:
    """What a rule's value is made of, all that deciding needs to know of it.

    `value = numerator` or `numerator / denominator`; NULL where the denominator is zero or the
    family left either NULL.
    """

    name: str
    """Name used in bounds and reasons, e.g. `mean_word_length`."""
    numerator: str
    """Column of the family's table."""
    denominator: str | None
    """Column of the family's table; None when the value is the numerator itself."""
    is_label: bool = field(default=False, kw_only=True)
    """Whether the value is a code of `datagov.labels`, a name and no quantity: it is compared with names only."""


@dataclass(frozen=True)
class RuleInfo(Quantity):
    """One quantity that can be said of one document, and where it comes from."""

    unit: str
    """What is counted over what, e.g. `characters per word`."""
    formula: str
    """Numerator and denominator in words, including what is and is not counted."""
    value_range: tuple[float, float | None]
    """Smallest and largest possible value; None for no upper end."""
    null_when: str
    """When the value is undefined."""
    source: str
    """Paper and section, or repository and file, that the definition follows."""
    differs: str = ""
    """Where and why this definition differs from public implementations."""


@dataclass(frozen=True)
class Origin:
    """Where a family that is not of this release was imported from."""

    path: str
    """`module:attribute`."""
    source: str
    """32 hex digits: digest of the files that define it."""


@dataclass(frozen=True)
class SignalFamily:
    """A set of rules measured together in one pass over a batch.

    `measure(batch, params)` returns a RecordBatch with one row a document and the int64 columns
    that the rules name; NULL means undefined, never zero. It is deterministic and a document's row
    does not depend on its batch mates.
    """

    name: str
    version: int
    measure: Callable[[TextBatch, Params], pa.RecordBatch]
    rules: tuple[RuleInfo, ...]
    defaults: Params = field(default_factory=dict)
    """Parameters and their defaults; a parameter not named here is refused."""
    required: tuple[str, ...] = ()
    """Parameters without a default."""
    files: tuple[str, ...] = ()
    """Of the required ones, those that are files: `measure` and `prepare` are given a `ModelFile` for each. A family
    with files is used under names that recipes give it, see `datagov.signals.named`."""
    prepare: Callable[[Params], Params] | None = None
    """Called once where parameters are read: checks them against files and libraries, and returns all of them as they
    are recorded, what was left open filled in (a label, the version of a library)."""
    labels: Callable[[Params], Sequence[str]] | None = None
    """The labels that its rules can say, so that a condition that asks for another one is refused."""
    column: str = ""
    """`url` for a family that is given batches of the documents' URLs instead of their texts, and says where in them;
    documents without one have NULLs."""
    locate: Callable[[TextBatch, Params], tuple[pa.RecordBatch, pa.RecordBatch]] | None = None
    """Measures as `measure` does and also says where: with rows of `row` (of the batch), `rule`, `start`, `end` (code
    points of the document, the last exclusive) and `term` (an id, or NULL), by row and start. The ledger keeps them as
    `spans`. None for a family that counts without saying where."""
    by_line: Callable[[TextBatch, Params], pa.RecordBatch] | None = None
    """Measures single lines: rows of `row` (of the batch), `line` (of the document, from 0), `start`, `end` (its code
    points) and the columns of `measure`, whose sums over a document's lines these are. The ledger keeps the rules'
    values of each line as `line_values`. None for a family that has values of documents only."""
    origin: Origin | None = None
    """Set when a user's family is imported; None for the families of this release."""
    of: str = ""
    """`name@version` of the family that this one is under another name; empty for a family under its own."""

    @property
    def columns(self) -> list[str]:
        """The columns that the rules speak of, in the order in which they first do."""
        named = [name for rule in self.rules for name in (rule.numerator, rule.denominator)]
        return list(dict.fromkeys(name for name in named if name is not None))

    @property
    def id(self) -> str:
        """`name@version`; a changed formula bumps the version."""
        return f"{self.name}@{self.version}"

    def rule(self, name: str) -> RuleInfo:
        """Return the rule called `name`, or raise KeyError."""
        for rule in self.rules:
            if rule.name == name:
                return rule
        raise KeyError(name)
