"""Decisions as data: bounds on signals, and every bound that a document crossed.

Everything here is a pure function of tables. Nothing is removed here, no text is read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.errors import ConfigError, InputError, did_you_mean
from datagov.quantiles import Quantile, quantile_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from datagov.rule import Quantity

__all__ = ["CROSSING", "MISSING", "Bound", "Limits", "bound_from", "crossings", "values"]

Limits = Mapping[tuple[str, str], float | np.ndarray]
"""(signal, min | max) -> what a quantile came to: one number, or float64[N] with one a document, NaN for none."""

MISSING = ("keep", "drop", "fail")
"""What may happen where a signal is undefined."""

CROSSING = pa.struct(
    [
        pa.field("rule", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("bound", pa.string(), nullable=False),
        pa.field("limit", pa.float64()),
    ]
)
"""One crossed bound: `bound` is min | max | missing; value and limit are NULL where it is missing."""

KINDS = ("min", "max", "missing")


@dataclass(frozen=True)
class Bound:
    """The values of one signal with which a document is kept: min <= value <= max.

    Raises
    ------
    ConfigError
        A limit is not a finite number, min is above max, there is no limit and nothing happens where
        the signal is missing either, or `missing` is none of `MISSING`.
    """

    signal: str
    """Name of a rule, e.g. `mean_word_length`."""
    min: float | Quantile | None = None
    """Smallest value kept; None for no lower bound (0 is a bound)."""
    max: float | Quantile | None = None
    """Largest value kept; None for no upper bound (0 is a bound)."""
    missing: str = "keep"
    """Where the signal is undefined: `keep` crosses nothing, `drop` is a crossing, `fail` an error."""
    source: str = ""
    """Where the limits come from: paper and section, or repository and file."""

    def __post_init__(self) -> None:
        where = f"Bound on {self.signal!r}:"
        for name, limit in (("min", self.min), ("max", self.max)):
            if limit is None or isinstance(limit, Quantile):
                continue
            if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
                raise ConfigError(f"{where} {name} is {limit!r}, but must be a finite number, or left out.")
        if self.missing not in MISSING:
            hint = did_you_mean(str(self.missing), MISSING)
            raise ConfigError(f"{where} missing is {self.missing!r}. {hint}")
        low, high = (
            limit.quantile if isinstance(limit, Quantile) else limit for limit in (self.min, self.max)
        )
        alike = isinstance(self.min, Quantile) == isinstance(self.max, Quantile)
        if alike and low is not None and high is not None and low > high:
            raise ConfigError(f"{where} min {low} is above max {high}: no document can pass.")
        if self.min is None and self.max is None and self.missing == "keep":
            raise ConfigError(f"{where} neither min nor max is given; it bounds nothing.")

    @property
    def quantiles(self) -> dict[str, Quantile]:
        """The limits that a run has to find out, by `min` and `max`."""
        limits = {"min": self.min, "max": self.max}
        return {name: limit for name, limit in limits.items() if isinstance(limit, Quantile)}


def bound_from(mapping: Mapping[str, Any]) -> Bound:
    """Return the bound that a recipe or profile wrote as a mapping.

    Raises
    ------
    ConfigError
        A key is unknown, `signal` is missing, or as `Bound`.
    """
    known = [field.name for field in fields(Bound)]
    for key in mapping:
        if key not in known:
            raise ConfigError(f"A bound has no key {key!r}. {did_you_mean(str(key), known)}")
    if not isinstance(mapping.get("signal"), str):
        raise ConfigError("A bound needs the key 'signal', the name of a rule. `datagov rules` lists them.")
    quantiles = {}
    for name in ("min", "max"):
        if isinstance(mapping.get(name), dict):
            try:
                quantiles[name] = quantile_from(mapping[name])
            except ConfigError as error:
                raise ConfigError(f"Bound on {mapping['signal']!r}: {name}: {error.message}") from None
    return Bound(**{**mapping, **quantiles})


def values(counts: pa.RecordBatch | pa.Table, rules: Iterable[Quantity]) -> dict[str, pa.DoubleArray]:
    """Divide counts into the values of rules.

    Parameters
    ----------
    counts : RecordBatch or Table
        Integer columns of the rules' families, one row a document.
    rules : iterable of Quantity
        Rules to compute.

    Returns
    -------
    dict of str to DoubleArray
        One value a row under each rule's name; NULL where the numerator or denominator is NULL or the
        denominator is 0. The quotient is the float64 nearest to the true one, so that a ratio equal to
        a bound's decimal limit compares equal to it.
    """
    result = {}
    for rule in rules:
        value = column(counts, rule.numerator)
        if rule.denominator is not None:
            denominator = column(counts, rule.denominator)
            value = pc.divide(value, pc.if_else(pc.not_equal(denominator, 0.0), denominator, None))
        result[rule.name] = value
    return result


def column(counts: pa.RecordBatch | pa.Table, name: str) -> pa.DoubleArray:
    """Return one column as a single float64 array."""
    cast = counts.column(name).cast(pa.float64())
    return cast.combine_chunks() if isinstance(cast, pa.ChunkedArray) else cast


def crossings(
    values: Mapping[str, pa.DoubleArray],
    bounds: Sequence[Bound],
    *,
    rows: int | None = None,
    limits: Limits = MappingProxyType({}),
) -> pa.ListArray:
    """Return every bound that each document crossed, in the order of `bounds`.

    Limits are inclusive: a document is kept iff its list is empty, that is iff every value lies in
    [min, max] and none is missing where that drops. NaN counts as missing.

    Parameters
    ----------
    values : mapping of str to DoubleArray
        Values by signal name, all of the same length N; see `values`.
    bounds : sequence of Bound
        At most one crossing each a document.
    rows : int, optional
        N, which must be given where there may be no values at all.
    limits : Limits
        What the bounds' quantiles came to; one that is not there, as it had no values, limits nothing.

    Returns
    -------
    ListArray
        N lists of `CROSSING`; never NULL.

    Raises
    ------
    ConfigError
        A bound's signal was not measured.
    InputError
        A signal is missing where its bound says `missing: fail`.
    """
    if rows is None:
        rows = len(next(iter(values.values()), ()))
    crossed = np.zeros((rows, len(bounds)), np.uint8)  # 1 + index into KINDS, 0 where not crossed
    measured = np.zeros((rows, len(bounds)), np.float64)
    limited = np.full((rows, len(bounds)), math.nan)
    for at, bound in enumerate(bounds):
        if bound.signal not in values:
            raise ConfigError(
                f"Bound on {bound.signal!r}: this signal was not measured. {did_you_mean(bound.signal, values)}"
            )
        value = values[bound.signal]
        numbers = value.to_numpy(zero_copy_only=False)
        missing = np.isnan(numbers)
        for code, name, beyond in ((1, "min", np.less), (2, "max", np.greater)):
            limit = getattr(bound, name)
            if isinstance(limit, Quantile):
                limit = limits.get((bound.signal, name))
            if limit is not None:
                outside = beyond(numbers, limit)
                crossed[outside, at] = code
                limited[outside, at] = limit[outside] if isinstance(limit, np.ndarray) else limit
        if bound.missing == "drop":
            crossed[missing, at] = 3
        elif bound.missing == "fail" and missing.any():
            raise InputError(
                f"Bound on {bound.signal!r} says `missing: fail`, and the signal is undefined for "
                f"{int(missing.sum())} of {rows} documents, the first at row {int(np.argmax(missing))}. "
                "Say `missing: keep` or `missing: drop`, or remove these documents in an earlier step."
            )
        measured[:, at] = numbers

    row, which = np.nonzero(crossed)
    kind = crossed[row, which] - 1
    is_missing = kind == KINDS.index("missing")
    structs = pa.StructArray.from_arrays(
        [
            pa.array([bound.signal for bound in bounds], pa.string()).take(pa.array(which)),
            pa.array(measured[row, which], mask=is_missing),
            pa.array(KINDS, pa.string()).take(pa.array(kind)),
            pa.array(limited[row, which], mask=is_missing),
        ],
        fields=list(CROSSING),
    )
    offsets = np.zeros(rows + 1, np.int32)
    np.cumsum(np.count_nonzero(crossed, axis=1), out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), structs)
