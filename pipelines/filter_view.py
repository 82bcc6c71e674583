"""Filters applied to stored signals: which documents a filter speaks of, and all that they crossed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.conditions import Condition, evaluate, signals_in
from datagov.ledger.tables import REASON
from datagov.policy import Bound, Limits, bound_from, crossings, values
from datagov.rule import Quantity
from datagov.signals.script import script_of_letters
from datagov.storage import Folder
from datagov.text.tables import SCRIPTS
from pipelines.filters import conditions_of, quantities_of
from pipelines.limits import limits_of_part

__all__ = [
    "FilterView",
    "Reasons",
    "Seen",
    "not_covered",
    "read_seen",
    "read_view",
    "reason_array",
    "scripts_of",
]

NOT_COVERED = "script"
"""Rule named in the reason of a document that no filter of a run of filters speaks of."""

Reasons = tuple[np.ndarray, pa.StructArray]
"""Document row int64[R], reason `REASON`[R]."""


class Seen:
    """What a filter step sees of one part: the documents it speaks of, and the values it decides with."""

    def __init__(
        self,
        resolved: Mapping[str, Any],
        script: pa.Table,
        signals: Mapping[str, pa.Table],
        reached: np.ndarray,
        covered: list[str] | None,
    ) -> None:
        """Look.

        Parameters
        ----------
        resolved : mapping
            `resolve_filter`.
        script : pyarrow.Table
            Table of script@1 for the part, N rows.
        signals : mapping
            Family id -> its table for the part, N rows; what `decided_with` names is looked at.
        reached : bool[N]
            Documents that earlier steps left for this one.
        covered : list of str or None
            Scripts that this filter and those adjacent to it speak of; None for all.
        """
        self.documents = len(reached)
        at = np.flatnonzero(reached)
        names, sound = scripts_of(script.take(pa.array(at)))
        when = resolved["when"]
        covers = np.ones(len(names), bool) if when is None else np.isin(names, when)
        self.uncovered = np.zeros(len(reached), bool)
        """bool[N]: documents, of those that reached it, that neither this filter nor one adjacent to it speaks of."""
        if covered is not None:
            self.uncovered[at] = ~np.isin(names, covered)
        self.rows = at[covers & sound]
        """int64[M]: documents that this filter speaks of, of those that reached it."""
        self.bounds = [bound_from(bound) for bound in resolved["bounds"]]
        self.conditions = conditions_of(resolved)
        self.values: dict[str, pa.DoubleArray] = {}
        """The signals that are decided with, of the M documents."""
        for family_id, quantities in decided_with(resolved).items():
            self.values |= values(signals[family_id].take(pa.array(self.rows)), quantities)


class FilterView:
    """One filter step over one part: which documents it speaks of, and all that they crossed."""

    def __init__(
        self, step: str, seen: Seen, *, annotate: bool, limits: Limits = MappingProxyType({})
    ) -> None:
        """Evaluate.

        Parameters
        ----------
        step : str
            The step's name.
        seen : Seen
            What it sees of the part.
        annotate : bool
            It records without removing.
        limits : Limits
            What quantiles came to; arrays are float64[N].
        """
        self.step = step
        self.annotate = annotate
        self.uncovered = seen.uncovered
        self.rows = seen.rows
        self.values = seen.values
        rows, bounds, conditions = seen.documents, seen.bounds, seen.conditions
        self.hit = np.zeros(rows, bool)
        """bool[N]: documents of this filter that crossed a bound or met a condition not."""
        self.failing: tuple[str, int, int] | None = None
        """(rule, document row, how many) of the first that says `missing: fail` where it is; or None."""
        self._place = np.full(rows, -1, np.int64)
        self._place[self.rows] = np.arange(len(self.rows))
        self._cross(bounds, limits)
        self._unmet = [(condition, *self._judge(condition)) for condition in conditions]

    def _cross(self, bounds: list[Bound], limits: Limits) -> None:
        for bound in bounds:
            if bound.missing == "fail":
                self._fail(bound.signal, self.values[bound.signal].is_null())
        limited = [
            replace(bound, missing="keep") if bound.missing == "fail" else bound
            for bound in bounds
            if bound.missing != "fail" or bound.min is not None or bound.max is not None
        ]
        own = {
            key: limit[self.rows] if isinstance(limit, np.ndarray) else limit for key, limit in limits.items()
        }
        self._crossed: pa.ListArray = crossings(self.values, limited, rows=len(self.rows), limits=own)
        self.hit[self.rows] = np.diff(self._crossed.offsets.to_numpy()) > 0

    def _judge(self, condition: Condition) -> tuple[np.ndarray, np.ndarray]:
        """Return bool[M], bool[M]: where a condition is false, and where it is undefined and that counts."""
        met = evaluate(condition.tree, self.values, rows=len(self.rows))
        undefined = met.is_null().to_numpy(zero_copy_only=False)
        false = ~met.fill_null(True).to_numpy(zero_copy_only=False)
        if condition.missing == "fail":
            self._fail(condition.name, met.is_null())
        if condition.missing != "drop":
            undefined = np.zeros(len(self.rows), bool)
        self.hit[self.rows[false | undefined]] = True
        return false, undefined

    def _fail(self, rule: str, missing: pa.BooleanArray) -> None:
        at = np.flatnonzero(missing.to_numpy(zero_copy_only=False))
        if self.failing is None and len(at):
            self.failing = rule, int(self.rows[at[0]]), len(at)

    def reasons(self, rows: np.ndarray) -> list[Reasons]:
        """Return why the given documents fail here: the bounds they crossed, then conditions not met."""
        chosen = rows[self.hit[rows]]
        places = self._place[chosen]
        lists = self._crossed.take(pa.array(places))
        crossing = lists.flatten()
        at = np.repeat(chosen, np.diff(lists.offsets.to_numpy()))
        found = [
            (
                at,
                reason_array(
                    **self._by_step(len(at)),
                    rule=crossing.field("rule"),
                    value=crossing.field("value"),
                    bound=crossing.field("bound"),
                    limit=crossing.field("limit"),
                ),
            )
        ]
        for condition, false, undefined in self._unmet:
            unmet = np.flatnonzero((false | undefined)[places])
            kinds = pa.array(["where", "missing"]).take(pa.array(undefined[places[unmet]].astype(np.int8)))
            found.append((chosen[unmet], self._unmet_reasons(condition, places[unmet], kinds)))
        return found

    def _unmet_reasons(self, condition: Condition, places: np.ndarray, kinds: pa.Array) -> pa.StructArray:
        count = len(places)
        names = signals_in(condition.tree)
        columns = [self.values[name].take(pa.array(places)).to_numpy(zero_copy_only=False) for name in names]
        flat = np.column_stack(columns).reshape(-1)
        involved = pa.StructArray.from_arrays(
            [pa.array(names * count, pa.string()), pa.array(flat, mask=np.isnan(flat))],
            fields=list(REASON.field("signals").type.value_type),
        )
        offsets = pa.array(np.arange(count + 1, dtype=np.int32) * len(names))
        return reason_array(
            **self._by_step(count),
            rule=pa.array([condition.name] * count, pa.string()),
            bound=kinds,
            condition=pa.array([condition.sql] * count, pa.string()),
            signals=pa.ListArray.from_arrays(offsets, involved),
        )

    def _by_step(self, count: int) -> dict[str, pa.Array]:
        return {
            "step": pa.array([self.step] * count, pa.string()),
            "annotation": pa.array(np.full(count, self.annotate)),
        }


def decided_with(resolved: Mapping[str, Any]) -> dict[str, list[Quantity]]:
    """Return family id -> what a resolved filter decides with of all that it measures of the family."""
    wanted = {bound["signal"] for bound in resolved["bounds"]}
    wanted.update(*(signals_in(each.tree) for each in conditions_of(resolved)))
    found: dict[str, list[Quantity]] = {}
    for name, (family_id, quantity) in quantities_of(resolved).items():
        if name in wanted:
            found.setdefault(family_id, []).append(quantity)
    return found


def read_seen(root: Folder, step: Mapping[str, Any], reached: np.ndarray) -> Seen:
    """Read what a filter step sees of one part; `script` and `signals` name the files."""
    script = pq.read_table(root / step["script"], use_threads=False)
    signals = {}
    for name, quantities in decided_with(step["resolved"]).items():
        columns = {side for each in quantities for side in (each.numerator, each.denominator) if side}
        signals[name] = pq.read_table(
            root / step["signals"][name], columns=sorted(columns), use_threads=False
        )
    return Seen(step["resolved"], script, signals, reached, step["covered"])


def read_view(root: Folder, step: Mapping[str, Any], reached: np.ndarray) -> FilterView:
    """Read a filter step's signals and limits for one part and evaluate them.

    Parameters
    ----------
    root : Folder
        The output folder.
    step : mapping
        name, resolved, covered (scripts), script and signals (files), limits (file or None), documents (file).
    reached : bool[N]
        The documents that earlier steps left for this one.
    """
    limits: Limits = {}
    if step["limits"] is not None:
        table = pq.read_table(root / step["limits"], use_threads=False)
        limits = limits_of_part(table, root / step["documents"])
    seen = read_seen(root, step, reached)
    return FilterView(step["name"], seen, annotate=bool(step["resolved"]["annotate"]), limits=limits)


def scripts_of(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Return (main script str[N], bool[N] whether the document has a text) from a table of script@1."""
    letters = np.column_stack(
        [table.column(f"{name}_letters").fill_null(0).to_numpy().astype(np.int64) for name in SCRIPTS]
    )
    names = script_of_letters(letters).to_numpy(zero_copy_only=False)
    return names, table.column("letters").is_valid().to_numpy()


def not_covered(step: str, rows: np.ndarray, *, annotation: bool) -> Reasons:
    """Return the reasons of documents that neither a filter nor those adjacent to it speak of."""
    count = len(rows)
    return rows, reason_array(
        step=pa.array([step] * count, pa.string()),
        rule=pa.array([NOT_COVERED] * count, pa.string()),
        bound=pa.array(["otherwise"] * count, pa.string()),
        annotation=pa.array(np.full(count, annotation)),
    )


def reason_array(**columns: Any) -> pa.StructArray:
    """Return an array of `REASON` structs from its fields, given by name; what is not given is NULL."""
    count = len(columns["rule"])
    return pa.StructArray.from_arrays(
        [
            columns[field.name].cast(field.type) if field.name in columns else pa.nulls(count, field.type)
            for field in REASON
        ],
        fields=list(REASON),
    )
