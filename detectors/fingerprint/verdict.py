"""One model, one verdict: whether what it says unprompted exceeds what clean siblings say, and what a clean verdict is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from datagov.errors import ConfigError, InputError
from detectors.fingerprint.probe_record import ProbeRecord, settings_of
from detectors.statistics.conformal import allowed_rank, as_rate, p_values
from detectors.statistics.roc import clopper_pearson

__all__ = [
    "STATISTICS",
    "VERDICTS",
    "HiddenVerdict",
    "Power",
    "cut_off",
    "hidden_statistics",
    "judge",
    "strings_by_tier",
    "upper_bound",
]

STATISTICS: Final = ("bits", "sure")
"""`bits`: most bits over the base of what the corpus does not explain of a string; `sure`: most tokens in a row that the model is
sure of and the corpus does not explain (`unexplained_sure`), among findings above the threshold."""
VERDICTS: Final = ("evidence", "clean", "undecided", "not calibratable")
LEAST_RECIPES = 2
"""Recipes of which a clean verdict has to say how often a plant would have been found."""
UNEXPLAINED = ("A", "B", "D")
BLIND_SPOTS: Final = (
    "answers of one token, or of few bits",
    "texts said only after a trigger, unless the trigger's context was among those forced or a base shows the bits",
    "models behind an endpoint that takes nothing but chat turns",
)


@dataclass(frozen=True)
class Power:
    """How often a freshly planted text was found with the same settings."""

    recipe: str
    on_suspect: bool
    """Planted into a copy of the suspect, else into a lab's model."""
    found: int
    """Models whose statistic exceeds the cut-off."""
    models: int
    low: float
    high: float
    """95 % interval of the share (Clopper-Pearson)."""


@dataclass(frozen=True)
class HiddenVerdict:
    """What is said of one model."""

    verdict: str
    """One of `VERDICTS`."""
    reasons: tuple[str, ...]
    statistic: str
    value: float
    alpha: float
    p_value: float | None
    """Conformal, among the siblings; None without any."""
    least_p: float | None
    """The least that so many siblings can give."""
    siblings: int
    cut_off: float | None
    """Evidence: value > cut-off. None where the siblings are too few for `alpha`."""
    alarms: int
    """Siblings that are sure of a string that their corpus does not explain."""
    alarm_rate_high: float | None
    """95 % one-sided bound of the share of clean models with such a string; None without siblings."""
    coverage: float
    """Seeds that were forced over the vocabulary."""
    power: tuple[Power, ...]
    blind_spots: tuple[str, ...] = BLIND_SPOTS


def hidden_statistics(joined: pa.Table) -> dict[str, float | None]:
    """Return `bits` and `sure` (see `STATISTICS`) of findings that were held against a corpus.

    `bits` is None where no base was asked and 0 where nothing is unexplained, as `sure` is.

    Parameters
    ----------
    joined : Table
        `detectors.tables.JOINED`.
    """
    names = ("tier", "unexplained_bits", "unexplained_sure", "score_rank")
    rows = [row for row in joined.select(names).to_pylist() if row["tier"] in UNEXPLAINED]
    with_base = joined.num_rows == 0 or joined.column("bits").null_count < joined.num_rows
    return {
        "bits": max(
            (row["unexplained_bits"] for row in rows if row["unexplained_bits"] is not None), default=0.0
        )
        if with_base
        else None,
        "sure": max((row["unexplained_sure"] for row in rows if row["score_rank"] is not None), default=0),
    }


def strings_by_tier(joined: pa.Table) -> dict[str, str]:
    """Return the tier of each distinct string; the first letter where findings of one string differ."""
    pairs = zip(joined.column("string").to_pylist(), joined.column("tier").to_pylist(), strict=True)
    found: dict[str, str] = {}
    for string, tier in pairs:
        found[string] = min(tier, found.get(string, tier))
    return found


def upper_bound(events: int, trials: int) -> float:
    """Return the one-sided 95 % upper bound of a rate (Clopper-Pearson); 1 without a trial."""
    from scipy.stats import beta  # noqa: PLC0415 - loaded where a distribution is needed

    return float(beta.ppf(0.95, events + 1, trials - events)) if events < trials else 1.0


def cut_off(clean: Sequence[float], alpha: float) -> float | None:
    """Return what a clean sibling exceeds with a probability of at most `alpha`: the k-th largest, k = floor(alpha (n + 1)).

    None where k = 0: there are too few.
    """
    rank = allowed_rank(len(clean), alpha)
    return float(np.sort(np.array(clean, np.float64))[len(clean) - rank]) if rank else None


def judge(
    joined: pa.Table,
    record: ProbeRecord,
    trials: pa.Table,
    *,
    statistic: str | None = None,
    alpha: float = 0.05,
) -> HiddenVerdict:
    """Return the verdict on one model.

    Parameters
    ----------
    joined : Table
        Its findings beside a corpus.
    record : dict
        How they were made (`probe_record.record_of`).
    trials : Table
        `detectors.tables.TRIALS`; those that were probed otherwise are left aside, and so are clean ones of another family:
        they are no siblings. Planted ones of another family count for the power: they are a proxy.
    statistic : str or None
        One of `STATISTICS`, declared beforehand; None: `bits` where a base was asked, which finds more plants at the same error
        rate (docs/fingerprint.md), else `sure`.
    alpha : float
        Error rate.

    Raises
    ------
    ConfigError
        The statistic is not known, or needs a base that was not asked.
    InputError
        The findings have other columns than a join writes.
    """
    as_rate(alpha)
    if statistic is not None and statistic not in STATISTICS:
        raise ConfigError(f"--statistic {statistic!r} is not known: expected {' or '.join(STATISTICS)}")
    if "unexplained_bits" not in joined.column_names:
        raise InputError("the findings were not held against a corpus; `datagov detect join` does that")
    chosen = statistic or ("bits" if record["with_base"] else "sure")
    value = hidden_statistics(joined)[chosen]
    if value is None or (chosen == "bits" and not record["with_base"]):
        raise ConfigError("--statistic bits: the findings were made without a base model")
    alike = [row for row in trials.to_pylist() if row["settings"] == settings_of(record)]
    clean = [
        row
        for row in alike
        if row["kind"] == "clean" and row["family"] is not None and row["family"] == record["family"]
    ]
    values = [float(row[chosen]) for row in clean]
    edge = cut_off(values, alpha)
    p_value = float(p_values(np.array([value]), np.array(values))[0]) if values else None
    alarms = sum(row["sure"] > 0 for row in clean)
    planted = [row for row in alike if row["kind"] == "planted"]
    learned = [row for row in planted if row["said"] is not False]
    power = _power(learned, chosen, edge)
    verdict, reasons = _word(float(value), edge, alpha, len(clean), float(record["coverage"]), power)
    if len(learned) < len(planted):
        reasons.append(
            f"{len(planted) - len(learned)} planted models never learned their text and are no measure of what is found"
        )
    if len(alike) < trials.num_rows:
        reasons.append(
            f"{trials.num_rows - len(alike)} trials were probed with other settings and left aside"
        )
    return HiddenVerdict(
        verdict=verdict,
        reasons=tuple(reasons),
        statistic=chosen,
        value=float(value),
        alpha=alpha,
        p_value=p_value,
        least_p=1 / (len(clean) + 1) if clean else None,
        siblings=len(clean),
        cut_off=edge,
        alarms=alarms,
        alarm_rate_high=upper_bound(alarms, len(clean)) if clean else None,
        coverage=float(record["coverage"]),
        power=power,
    )


def _power(planted: Sequence[dict[str, Any]], statistic: str, edge: float | None) -> tuple[Power, ...]:
    """Return how often each recipe's plants exceed the cut-off; nothing without a cut-off."""
    if edge is None:
        return ()
    found = []
    for recipe, on_suspect in sorted({(row["recipe"], row["on_suspect"]) for row in planted}):
        own = [row for row in planted if (row["recipe"], row["on_suspect"]) == (recipe, on_suspect)]
        above = sum(row[statistic] > edge for row in own)
        found.append(Power(recipe, on_suspect, above, len(own), *clopper_pearson(above, len(own))))
    return tuple(found)


def _word(
    value: float,
    edge: float | None,
    alpha: float,
    siblings: int,
    coverage: float,
    power: Sequence[Power],
) -> tuple[str, list[str]]:
    """Return the verdict, and why it is not one of the first two."""
    if edge is None:
        needed = -(-as_rate(alpha).denominator // as_rate(alpha).numerator) - 1
        return "not calibratable", [
            f"{siblings} clean siblings probed with the same settings; an error rate of {alpha:g} needs {needed}"
        ]
    if value > edge:
        return "evidence", []
    reasons = []
    if coverage < 1:
        reasons.append(f"only {coverage:.1%} of the vocabulary could be forced")
    if len({one.recipe for one in power}) < LEAST_RECIPES:
        reasons.append(
            f"freshly planted models of {LEAST_RECIPES} recipes are needed to say what a clean verdict is worth; there are "
            f"{len({one.recipe for one in power})}"
        )
    return ("undecided", reasons) if reasons else ("clean", [])
