"""Filters: a profile with the recipe's changes, spelled out, and applied to stored signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagov.errors import ConfigError, did_you_mean
from datagov.ledger.tables import REASON
from datagov.policy import Bound, bound_from, crossings, values
from datagov.profiles import load_profile
from datagov.signals import family, family_of_rule
from datagov.signals.script import script_of_letters
from datagov.storage import Folder
from datagov.text.tables import SCRIPTS

if TYPE_CHECKING:
    from pipelines.step_specs import Filter

__all__ = [
    "FilterView",
    "filter_groups",
    "not_covered",
    "read_view",
    "reason_array",
    "resolve_filter",
    "rules_of",
    "scripts_of",
    "uncovered",
]

NOT_COVERED = "script"
"""Rule named in the reason of a document that no filter of a run of filters speaks of."""


def resolve_filter(spec: Filter, place: str, folder: Path) -> dict[str, Any]:
    """Return a filter spelled out: families with parameters, bounds with changes applied.

    Parameters
    ----------
    spec : Filter
        As written in the recipe.
    place : str
        Where, for messages.
    folder : Path
        The recipe's folder; a profile given as a path is relative to it.

    Raises
    ------
    ConfigError
        Unknown profile, signal or limit.
    """
    name = spec.profile
    is_path = name.endswith((".yaml", ".yml"))
    try:
        profile = load_profile(folder / name if is_path else name)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error.message}") from None
    bounds = {bound.signal: bound for bound in profile.bounds}
    for signal, change in spec.bounds.items():
        if signal not in bounds:
            raise ConfigError(
                f"{place}: profile {profile.name!r} has no bound on {signal!r}. {did_you_mean(signal, bounds)}"
            )
        old = bounds[signal]
        limits = ("min", "max")
        for key in change or {}:
            if key not in (*limits, "missing"):
                raise ConfigError(
                    f"{place}: bound on {signal!r}: there is no key {key!r}. {did_you_mean(key, (*limits, 'missing'))}"
                )
        if change is None or (
            all(change.get(name, getattr(old, name)) is None for name in limits)
            and change.get("missing", old.missing) != "drop"
        ):
            del bounds[signal]
            continue
        merged = {
            "signal": signal,
            "min": old.min,
            "max": old.max,
            "missing": old.missing,
            "source": old.source,
        }
        try:
            bounds[signal] = bound_from({**merged, **change})
        except ConfigError as error:
            raise ConfigError(f"{place}: {error.message}") from None
    return {
        "profile": profile.name,
        "profile_version": profile.version,
        "when": sorted(spec.when.script) if spec.when is not None else None,
        "otherwise": spec.otherwise,
        "annotate": spec.annotate,
        "families": [{"family": name, "params": _plain(params)} for name, params in profile.families.items()],
        "bounds": [
            {
                "signal": bound.signal,
                "min": None if bound.min is None else float(bound.min),
                "max": None if bound.max is None else float(bound.max),
                "missing": bound.missing,
                "source": bound.source,
            }
            for bound in bounds.values()
        ],
    }


class FilterView:
    """One filter step over one part: which documents it speaks of, and every bound they crossed."""

    def __init__(
        self,
        step: str,
        resolved: Mapping[str, Any],
        script: pa.Table,
        signals: Mapping[str, pa.Table],
        reached: np.ndarray | None,
    ) -> None:
        """Evaluate.

        Parameters
        ----------
        step : str
            The step's name.
        resolved : mapping
            `resolve_filter`.
        script : pyarrow.Table
            Table of script@1 for the part, N rows.
        signals : mapping
            Family id -> its table for the part, N rows.
        reached : bool[N] or None
            Documents that earlier steps left for this one; None for all.
        """
        self.step = step
        self.annotate = bool(resolved["annotate"])
        names, sound = scripts_of(script)
        when = resolved["when"]
        self.covers = np.ones(len(names), bool) if when is None else np.isin(names, when)
        spoken_of = np.flatnonzero(self.covers & sound & (True if reached is None else reached))
        bounds = [Bound(**bound) for bound in resolved["bounds"]]
        measured: dict[str, pa.Array] = {}
        for bound in bounds:
            kind, rule = family_of_rule(bound.signal)
            measured[bound.signal] = values(signals[kind.id].take(pa.array(spoken_of)), [rule])[rule.name]
        self.failing = _failing(bounds, measured, spoken_of)
        """(signal, document row, how many) of the first bound that says `missing: fail` where it is; or None."""
        limited = [
            replace(bound, missing="keep") if bound.missing == "fail" else bound
            for bound in bounds
            if bound.missing != "fail" or _limits(bound)
        ]
        self._crossed: pa.ListArray = crossings(measured, limited, rows=len(spoken_of))
        self._place = np.full(len(names), -1, np.int64)
        self._place[spoken_of] = np.arange(len(spoken_of))
        self.hit = np.zeros(len(names), bool)
        """bool[N]: documents of this filter that crossed a bound."""
        self.hit[spoken_of] = np.diff(self._crossed.offsets.to_numpy()) > 0

    def reasons(self, rows: np.ndarray) -> tuple[np.ndarray, pa.StructArray]:
        """Return (document row int64[R], reason `REASON`[R]) for the given documents that crossed a bound."""
        chosen = rows[self.hit[rows]]
        lists = self._crossed.take(pa.array(self._place[chosen]))
        crossing = lists.flatten()
        at = np.repeat(chosen, np.diff(lists.offsets.to_numpy()))
        return at, reason_array(
            step=pa.array([self.step]).take(pa.array(np.zeros(len(at), np.int8))),
            rule=crossing.field("rule"),
            value=crossing.field("value"),
            bound=crossing.field("bound"),
            limit=crossing.field("limit"),
            annotation=pa.array(np.full(len(at), self.annotate)),
        )


def _limits(bound: Bound) -> bool:
    return bound.min is not None or bound.max is not None


def _failing(
    bounds: Sequence[Bound], measured: Mapping[str, pa.Array], rows: np.ndarray
) -> tuple[str, int, int] | None:
    for bound in bounds:
        if bound.missing == "fail" and measured[bound.signal].null_count:
            missing = np.flatnonzero(measured[bound.signal].is_null().to_numpy(zero_copy_only=False))
            return bound.signal, int(rows[missing[0]]), len(missing)
    return None


def read_view(root: Folder, step: Mapping[str, Any], reached: np.ndarray | None) -> FilterView:
    """Read a filter step's signals for one part (`script` and `signals` name the files) and evaluate them.

    `reached` is bool[N]: the documents that earlier steps left for this one; None for all.
    """
    script = pq.read_table(root / step["script"], use_threads=False)
    signals = {name: pq.read_table(root / path, use_threads=False) for name, path in step["signals"].items()}
    return FilterView(step["name"], step["resolved"], script, signals, reached)


def scripts_of(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Return (main script str[N], bool[N] whether the document has a text) from a table of script@1."""
    letters = np.column_stack(
        [table.column(f"{name}_letters").fill_null(0).to_numpy().astype(np.int64) for name in SCRIPTS]
    )
    names = script_of_letters(letters).to_numpy(zero_copy_only=False)
    return names, table.column("letters").is_valid().to_numpy()


def uncovered(step: Mapping[str, Any], views: Mapping[int, FilterView]) -> np.ndarray:
    """Return bool[N]: documents that none of the filters of the group ending at `step` speaks of."""
    group = [views[position] for position in step["group"]]
    return ~np.logical_or.reduce([view.covers for view in group])


def not_covered(step: str, rows: np.ndarray, *, annotation: bool) -> tuple[np.ndarray, pa.StructArray]:
    """Return the reasons of documents that no filter of the group ending at `step` speaks of."""
    count = len(rows)
    return rows, reason_array(
        step=pa.array([step] * count, pa.string()),
        rule=pa.array([NOT_COVERED] * count, pa.string()),
        value=pa.nulls(count, pa.float64()),
        bound=pa.array(["otherwise"] * count, pa.string()),
        limit=pa.nulls(count, pa.float64()),
        annotation=pa.array(np.full(count, annotation)),
    )


def reason_array(**columns: Any) -> pa.StructArray:
    """Return an array of `REASON` structs from its fields, given by name; without `keeper` there is none."""
    if "keeper" not in columns:
        columns["keeper"] = pa.nulls(len(columns["rule"]), pa.binary(16))
    return pa.StructArray.from_arrays(
        [columns[field.name].cast(field.type) for field in REASON], fields=list(REASON)
    )


def filter_groups(steps: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """Return runs of adjacent filter steps with `when`, as lists of step positions."""
    groups: list[list[int]] = []
    previous = -2
    for position, step in enumerate(steps):
        if step["kind"] == "filter" and step["when"] is not None:
            if previous == position - 1:
                groups[-1].append(position)
            else:
                groups.append([position])
            previous = position
    return groups


def rules_of(resolved: Mapping[str, Any]) -> dict[str, dict[str, dict[str, str | None]]]:
    """Return family id -> rule name -> {numerator, denominator} columns, for the ledger's manifest."""
    found: dict[str, dict[str, dict[str, str | None]]] = {}
    for entry in resolved["families"]:
        kind = family(entry["family"])
        found[kind.id] = {
            rule.name: {"numerator": rule.numerator, "denominator": rule.denominator} for rule in kind.rules
        }
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
