"""A filter decided again from stored signals: who is outside its bounds, whatever its quantiles come to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from datagov.dedup.alive import Alive
from datagov.errors import InputError
from datagov.ledger.tables import LIMITS
from datagov.policy import Limits
from datagov.quantiles import Quantile, quantile_between
from pipelines.coverage import covered_scripts
from pipelines.filter_view import FilterView, Seen, read_seen
from pipelines.limits import limits_of_part
from pipelines.recipe import Recipe
from pipelines.what_if.evidence import Evidence, Verdict, incomplete

__all__ = ["filtered"]


def filtered(evidence: Evidence, recipe: Recipe, position: int, alive: Alive) -> Verdict:
    """Say whom a filter of `recipe` removes, if they are alive, in every case and in some case.

    A bound that is a number, or a condition, speaks of one document alone: both sets are the same. A quantile
    depends on who is alive. Its least and greatest value over all sets between the surely and the possibly
    alive are known exactly (`quantile_between`); what lies outside the laxer of the two is removed in every
    case, what lies outside the stricter in some.

    Raises
    ------
    InputError
        A signal is undefined where its bound says `missing: fail`, as a run would find.
    """
    step = recipe.steps[position]
    limits = quantile_limits(evidence, recipe, position, alive)
    annotate = step.resolved["annotate"]
    certain: list[np.ndarray] = []
    possible: list[np.ndarray] = []
    for part, documents, seen in parts_seen(evidence, recipe, position, alive):
        for table, removed in zip(limits, (certain, possible), strict=True):
            own: Limits = {} if table is None else limits_of_part(table, evidence.ledger.root / documents)
            view = FilterView(step.name, seen, annotate=annotate, limits=own)
            refuse_failing(view, step.name, part)
            hit = view.hit & ~np.bool_(annotate)
            removed.append(hit | view.uncovered if step.resolved["otherwise"] == "drop" else hit)
    return np.concatenate(certain), np.concatenate(possible)


def refuse_failing(view: FilterView, step: str, part: str) -> None:
    """Raise InputError where a run may find a signal undefined whose bound says `missing: fail`."""
    if view.failing is not None:
        signal, _, count = view.failing
        raise InputError(
            f"step {step!r}: {signal!r} is undefined for {count} documents of part {part} and its bound "
            "says `missing: fail`; whether one of them reaches the step only a run tells (--verify)"
        )


def parts_seen(
    evidence: Evidence, recipe: Recipe, position: int, alive: Alive
) -> Iterator[tuple[str, str, Seen]]:
    """Yield each part, its documents table, and what the filter sees of those that may reach it."""
    whens = [{"kind": step.kind, "when": step.resolved.get("when")} for step in recipe.steps]
    files = evidence.ledger.files("documents")
    for part, documents, offset, rows in zip(
        evidence.parts, files, evidence.offsets, evidence.rows, strict=True
    ):
        described = {
            "resolved": recipe.steps[position].resolved,
            "covered": covered_scripts(whens, position),
            **evidence.by_step[position].filter_files(part),
        }
        try:
            reached = alive.possible[offset : offset + rows]
            yield part, documents, read_seen(evidence.ledger.root, described, reached)
        except FileNotFoundError as error:
            raise incomplete(evidence.ledger, error) from error


def quantile_limits(
    evidence: Evidence, recipe: Recipe, position: int, alive: Alive
) -> tuple[pa.Table | None, pa.Table | None]:
    """Return the laxest and the strictest limits that a filter's quantiles can come to; None without any."""
    pieces: list[Seen] = []
    rows: list[np.ndarray] = []
    looked = parts_seen(evidence, recipe, position, alive)
    for offset, (_, _, seen) in zip(evidence.offsets, looked, strict=True):
        if not any(bound.quantiles for bound in seen.bounds):
            return None, None
        pieces.append(seen)
        rows.append(seen.rows + offset)
    if not pieces:
        return None, None
    ordinal = np.concatenate(rows)
    source = evidence.documents.column("source").combine_chunks()
    source = source if isinstance(source, pa.Array) else pa.concat_arrays(source.chunks)
    strata = source.take(pa.array(ordinal)).dictionary_encode(null_encoding="encode")
    lax: list[dict[str, Any]] = []
    strict: list[dict[str, Any]] = []
    for bound in pieces[0].bounds:
        for name, quantile in bound.quantiles.items():
            value = np.concatenate(
                [seen.values[bound.signal].to_numpy(zero_copy_only=False) for seen in pieces]
            )
            for stratum, inside in by_stratum(strata, quantile):
                among = inside & ~np.isnan(value)
                sure = value[among & alive.sure[ordinal]]
                unsure = value[among & (alive.possible & ~alive.sure)[ordinal]]
                between = quantile_between(sure, unsure, quantile)
                record = {"signal": bound.signal, "bound": name, **quantile.as_dict(), "stratum": stratum}
                for records, limit in zip(
                    (lax, strict), between if name == "min" else between[::-1], strict=True
                ):
                    records.append({**record, "limit": limit, "documents": len(sure)})
    return pa.Table.from_pylist(lax, schema=LIMITS), pa.Table.from_pylist(strict, schema=LIMITS)


def by_stratum(strata: pa.DictionaryArray, quantile: Quantile) -> Iterator[tuple[str | None, np.ndarray]]:
    """Yield each stratum of a quantile, and which documents are in it: all in one where it is taken of all."""
    if quantile.by is None:
        yield None, np.ones(len(strata), bool)
        return
    number = strata.indices.to_numpy()
    for at, stratum in enumerate(strata.dictionary.to_pylist()):
        yield stratum, number == at
