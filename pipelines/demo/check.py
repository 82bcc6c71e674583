"""What a run found of what the demo planted.

Recall is counted over pairs of an original and its one near-copy, apart for each edit rate and each band of
true Jaccard, and held against what the bands and rows promise: a pair at Jaccard J shares a bucket with
probability P(J), so the number found is a sum of independent draws whose exact distribution is known.
Precision is counted over everything removed as a duplicate: right when the keeper was planted together with
it and, for texts that differ, the Jaccard reaches the threshold. Pairs below it are distinct by definition.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from datagov.dedup.curve import probability
from datagov.ledger.reader import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

__all__ = [
    "JACCARD_BANDS",
    "UNLIKELY",
    "VERDICTS",
    "Recall",
    "Report",
    "check",
    "lower_bound",
    "read_verdicts",
]

JACCARD_BANDS = (0.0, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
"""Lower ends of the bands of true Jaccard; the last holds J = 1."""

UNLIKELY = 0.001
"""Recall fails when so few pairs would be found with less than this probability."""

VERDICTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("step", pa.string()),
        pa.field("keeper", pa.string()),
    ]
)
"""One row a document: what was decided, at which step, and the id of the document it duplicates."""

_DISTINCT = ("clean", "template", "footer")
_JUNK = ("boilerplate", "symbols", "repeated_lines", "mojibake", "too_short")


@dataclass(frozen=True)
class Recall:
    """Near-copies found in one group of pairs."""

    group: str
    """Edit rate or band of Jaccard, in words."""
    pairs: int
    mean_jaccard: float
    due: int
    """Pairs whose true Jaccard reaches the threshold: those a verified removal may find."""
    found: int
    """Of those, pairs of which one document was removed."""
    promised: float
    """Expected number found by the S-curve."""
    at_least: int
    """Fewest found that is not unlikely (`UNLIKELY`) under the S-curve."""
    wrongly_removed: int
    """Pairs below the threshold of which one document was removed as a duplicate."""

    @property
    def passed(self) -> bool:
        """Whether no fewer were found than promised, and none below the threshold."""
        return self.found >= self.at_least and self.wrongly_removed == 0


@dataclass(frozen=True)
class Report:
    """Found against planted."""

    by_edit_rate: tuple[Recall, ...]
    by_jaccard: tuple[Recall, ...]
    exact_copies: int
    """Exact copies planted."""
    exact_found: int
    """Documents removed from the groups of exact copies; each group should keep one."""
    removed_as_duplicates: int
    removed_rightly: int
    wrong: tuple[str, ...]
    """Ids removed as duplicates of something that they do not duplicate."""
    lost: tuple[str, ...]
    """Ids of clean documents, template members and documents with a shared footer that were removed."""
    emptied: tuple[str, ...]
    """Groups of copies of which nothing was kept."""
    kinds: dict[str, dict[str, int]]
    """For each kind, documents kept and documents removed by each step."""
    junk: int
    """Documents planted for the filters to remove."""
    junk_removed: int

    @property
    def recall(self) -> float:
        """Share found of all near-copies due, in [0, 1]; 1 when none was due."""
        due = sum(row.due for row in self.by_edit_rate)
        return sum(row.found for row in self.by_edit_rate) / due if due else 1.0

    @property
    def precision(self) -> float:
        """Share of the removals as duplicates that were right, in [0, 1]; 1 when nothing was removed."""
        if not self.removed_as_duplicates:
            return 1.0
        return self.removed_rightly / self.removed_as_duplicates

    @property
    def passed(self) -> bool:
        """Whether recall keeps its promise everywhere, nothing distinct was lost and all junk is gone."""
        recalls = all(row.passed for row in (*self.by_edit_rate, *self.by_jaccard))
        exact = self.exact_found == self.exact_copies
        return recalls and exact and not (self.wrong or self.lost or self.emptied) and self.junk_found

    @property
    def junk_found(self) -> bool:
        """Whether the filters removed every document planted as junk."""
        return self.junk_removed == self.junk

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON."""
        plain = asdict(self)
        for name, rows in (("by_edit_rate", self.by_edit_rate), ("by_jaccard", self.by_jaccard)):
            plain[name] = [asdict(row) | {"passed": row.passed} for row in rows]
        return plain | {"recall": self.recall, "precision": self.precision, "passed": self.passed}


def read_verdicts(out: str | Path) -> pa.Table:
    """Return the verdicts of the newest completed run of an output folder, with the schema `VERDICTS`."""
    with Ledger.open(out).connect() as connection:
        rows = connection.execute(
            "SELECT document.id, decision.action, decision.step, kept.id "
            "FROM decisions AS decision "
            "JOIN documents AS document ON document.doc_id = decision.doc_id "
            "LEFT JOIN documents AS kept ON kept.doc_id = decision.keeper "
            "ORDER BY document.id"
        ).fetchall()
    columns = list(zip(*rows, strict=True)) or [()] * len(VERDICTS)
    return pa.table([pa.array(column, pa.string()) for column in columns], schema=VERDICTS)


def check(
    planted: pa.Table, verdicts: pa.Table, *, threshold: float = 0.7, bands: int = 14, rows: int = 8
) -> Report:
    """Hold a run's verdicts against the plan of its corpus.

    Parameters
    ----------
    planted : pa.Table
        The plan, schema `pipelines.demo.corpus.PLANTED`.
    verdicts : pa.Table
        Schema `VERDICTS`, one row for each planted document.
    threshold : float
        Jaccard from which the run removes, in [0, 1].
    bands, rows : int
        The run's MinHash parameters.

    Raises
    ------
    ValueError
        If the verdicts are not of exactly the planted documents.
    """
    plan = {row["id"]: row for row in planted.to_pylist()}
    decided = {row["id"]: row for row in verdicts.to_pylist()}
    if plan.keys() != decided.keys() or verdicts.num_rows != len(decided):
        raise ValueError("the verdicts must name every planted document once and nothing else")
    groups: dict[str, list[str]] = defaultdict(list)
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for name, row in plan.items():
        verdict = decided[name]
        kept = verdict["action"] == "keep"
        kinds[row["kind"]]["kept" if kept else str(verdict["step"] or verdict["action"])] += 1
        if row["group"] and row["kind"] != "template":
            groups[row["group"]].append(name)

    duplicates = [name for name, row in decided.items() if row["keeper"] and row["action"] == "remove"]
    wrong = [name for name in duplicates if not _same(plan[name], plan[decided[name]["keeper"]], threshold)]
    pairs = [
        (row, any(decided[member]["keeper"] for member in groups[row["group"]]))
        for row in plan.values()
        if row["kind"] == "near_copy"
    ]
    exact = [members for members in groups.values() if any(plan[m]["kind"] == "exact_copy" for m in members)]
    junk = [name for name, row in plan.items() if row["kind"] in _JUNK]
    rates = _split(pairs, lambda row: f"{row['edit_rate']:.0%}")
    jaccards = _split(pairs, lambda row: _band(row["jaccard"]))
    return Report(
        by_edit_rate=tuple(_recall(*entry, threshold, bands, rows) for entry in rates),
        by_jaccard=tuple(_recall(*entry, threshold, bands, rows) for entry in jaccards),
        exact_copies=sum(len(members) - 1 for members in exact),
        exact_found=sum(decided[member]["action"] == "remove" for members in exact for member in members),
        removed_as_duplicates=len(duplicates),
        removed_rightly=len(duplicates) - len(wrong),
        wrong=tuple(wrong),
        lost=tuple(
            name
            for name, row in plan.items()
            if row["kind"] in _DISTINCT and decided[name]["action"] != "keep"
        ),
        emptied=tuple(
            group for group, members in groups.items() if all(decided[m]["action"] != "keep" for m in members)
        ),
        kinds={kind: dict(counts) for kind, counts in sorted(kinds.items())},
        junk=len(junk),
        junk_removed=sum(decided[name]["action"] == "remove" for name in junk),
    )


def lower_bound(probabilities: Sequence[float], unlikely: float = UNLIKELY) -> int:
    """Return the fewest successes that are not unlikely in independent draws.

    The smallest k with P(successes <= k) >= `unlikely`, from the exact (Poisson binomial) distribution.

    Parameters
    ----------
    probabilities : sequence of float
        Probability of success of each draw, in [0, 1].
    unlikely : float
        Probability mass to leave below, in (0, 1).
    """
    distribution = [1.0]
    for p in probabilities:
        grown = [0.0] * (len(distribution) + 1)
        for successes, mass in enumerate(distribution):
            grown[successes] += mass * (1 - p)
            grown[successes + 1] += mass * p
        distribution = grown
    total = 0.0
    for successes, mass in enumerate(distribution):
        total += mass
        if total >= unlikely:
            return successes
    return len(probabilities)


def _same(removed: dict[str, Any], keeper: dict[str, Any], threshold: float) -> bool:
    if removed["group"] is None or removed["group"] != keeper["group"] or removed["kind"] == "template":
        return False
    known = [row["jaccard"] for row in (removed, keeper) if row["jaccard"] is not None]
    # Two copies of one original were not compared with each other when they were planted; their group is
    # evidence enough, since copies are planted in numbers only at rates where all of them are near.
    return len(known) != 1 or known[0] >= threshold


def _band(jaccard: float) -> str:
    place = max(number for number, low in enumerate(JACCARD_BANDS) if jaccard >= low)
    if place == len(JACCARD_BANDS) - 1:
        return "1.00"
    return f"{JACCARD_BANDS[place]:.2f}-{JACCARD_BANDS[place + 1]:.2f}"


_Pair = tuple[dict[str, Any], bool]


def _split(pairs: Iterable[_Pair], name: Callable[[dict[str, Any]], str]) -> list[tuple[str, list[_Pair]]]:
    groups: dict[str, list[_Pair]] = defaultdict(list)
    for row, removed in sorted(pairs, key=lambda pair: (pair[0]["edit_rate"], pair[0]["id"])):
        groups[name(row)].append((row, removed))
    return sorted(groups.items(), key=lambda entry: float(entry[0].split("-")[0].rstrip("%")))


def _recall(group: str, pairs: list[_Pair], threshold: float, bands: int, rows: int) -> Recall:
    due = [(row["jaccard"], removed) for row, removed in pairs if row["jaccard"] >= threshold]
    promised = [probability(jaccard, bands, rows) for jaccard, _ in due]
    return Recall(
        group=group,
        pairs=len(pairs),
        mean_jaccard=sum(row["jaccard"] for row, _ in pairs) / len(pairs),
        due=len(due),
        found=sum(removed for _, removed in due),
        promised=sum(promised),
        at_least=lower_bound(promised),
        wrongly_removed=sum(removed for row, removed in pairs if row["jaccard"] < threshold),
    )
