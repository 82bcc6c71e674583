"""The recipe of a run, read back from its manifest, and the same recipe with changes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datagov.dedup.keeper import KeepPolicy
from datagov.errors import ConfigError, LedgerError, did_you_mean
from datagov.ledger.reader import Ledger
from datagov.policy import bound_from
from datagov.rule import Quantity
from pipelines.coverage import check_coverage
from pipelines.edit_specs import EditSpec, SpanDedup
from pipelines.filters import (
    CHANGEABLE,
    RECIPE,
    bound_record,
    changed_bounds,
    conditions_of,
    quantities_of,
    with_conditions,
    with_where,
)
from pipelines.gates import gates_of
from pipelines.input_spec import InputSpec
from pipelines.plan import MARKER
from pipelines.products import products_of
from pipelines.recipe import Recipe, Step, parse_change
from pipelines.step_specs import KINDS, Filter
from pipelines.validation import Strict, validated

__all__ = ["changed_recipe", "recorded_recipe", "require_measured", "settled_of"]

OF_A_FILTER = ("annotate", "otherwise")
"""Options of a filter, besides its bounds and conditions, that change no measurement."""

BoundChanges = dict[str, dict[str, Any]]
"""Signal -> min, max or missing -> value."""


def recorded_recipe(ledger: Ledger) -> Recipe:
    """Return the recipe that a run followed, spelled out as it was then.

    Raises
    ------
    LedgerError
        The manifest's recipe is not one that this code can read back.
    """
    canonical = ledger.manifest["recipe"]
    where = f"{ledger.root}@{ledger.run_id}"
    try:
        marker = json.loads((ledger.root / MARKER).read_bytes())
        recipe = Recipe(
            dataset=canonical["dataset"],
            input=InputSpec(path=marker["input"], **canonical["input"]),
            output=str(ledger.root),
            steps=tuple(_recorded_step(step, where) for step in canonical["steps"]),
            where=where,
        )
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise LedgerError(f"{where}: the recorded recipe cannot be read back ({error})") from error
    if recipe.digest != ledger.manifest["recipe_digest"]:
        raise LedgerError(
            f"{where}: the recorded recipe was written by datagov {ledger.manifest['code_version']} and means "
            "something else to this one; run it again"
        )
    return recipe


def changed_recipe(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """Apply `STEP/SIGNAL.min=VALUE` and `STEP/key.key=VALUE` to a recorded recipe.

    Raises
    ------
    ConfigError
        There is no such step, bound or option, or the value is not one it takes.
    """
    steps = list(recipe.steps)
    names = [step.name for step in steps]
    bounds: dict[int, tuple[str, BoundChanges]] = {}
    for change in changes:
        name, keys, value = parse_change(change)
        if name not in names:
            raise ConfigError(f"--set {change!r}: no step {name!r}. {did_you_mean(name, names)}")
        at = names.index(name)
        place = f"--set {change!r}"
        if steps[at].kind == "filter" and len(keys) > 1 and keys[-1] in CHANGEABLE:
            of_step = bounds.setdefault(at, (place, {}))[1]
            of_step.setdefault(".".join(keys[:-1]), {})[keys[-1]] = value
            continue
        steps[at] = (
            _changed_filter(steps[at], keys, value, place)
            if steps[at].kind == "filter"
            else _changed_step(steps[at], keys, value, place)
        )
    for at, (place, of_step) in bounds.items():
        steps[at] = _with_bounds(steps[at], of_step, place)
    check_coverage(steps, recipe.where)
    return recipe.model_copy(update={"steps": tuple(steps)})


def settled_of(ledger: Ledger, recipe: Recipe, changed: Recipe | None = None) -> dict[int, str]:
    """Return what a run found out for the steps of its recipe: position -> key, as in `Plan.settled`.

    With `changed`, of the steps for which it surely is the same in the changed recipe: no step before them differs that
    removes documents or edits them, nor does an edit by run itself.
    """
    found = ledger.manifest.get("settled", {})
    gates = gates_of(recipe.steps)
    settled: dict[int, str] = {}
    for position, step in enumerate(recipe.steps):
        other = step.resolved if changed is None else changed.steps[position].resolved
        differs = other != step.resolved and not (other.get("annotate") and step.resolved.get("annotate"))
        served = gates.get(position)
        if served is not None and recipe.steps[served].name in found:
            # Who goes through a gate does not depend on the step behind it.
            settled[served] = found[recipe.steps[served].name]
        if isinstance(step.spec, SpanDedup) and step.name in found and not differs:
            settled[position] = found[step.name]
        if differs:
            break
    return settled


def require_measured(
    ledger: Ledger, recipe: Recipe, changed: Recipe, *, sample: float, documents: int, verify: bool
) -> None:
    """Refuse a change of what is measured.

    With `verify`, what stands behind an edit by run is measured again where that may find something else, and so is
    what stands behind a gate where others may go through it.

    Raises
    ------
    ConfigError
        Says how many documents would have to be measured again.
    """
    _, before = products_of(recipe, sample=sample, settled=settled_of(ledger, recipe))
    same = settled_of(ledger, recipe, changed)
    _, after = products_of(changed, sample=sample, settled=same)
    gates = gates_of(recipe.steps)

    def measured_at(position: int) -> str:
        passed = [at for at in gates if at <= position]
        return f"{ledger.steps[passed[-1]]['in']} documents" if passed else f"all {documents} documents"

    open_to_change = (
        at
        for at, step in enumerate(recipe.steps)
        if (at in gates or isinstance(step.spec, SpanDedup)) and gates.get(at, at) not in same
    )
    first = next(open_to_change, len(recipe.steps))
    unknown = [step for step in changed.steps[first:] if not isinstance(step.spec, EditSpec)]
    named = any(
        "of" in family or "import" in family
        for step in unknown
        for family in step.resolved.get("families", ())
    )
    if unknown and (named or not verify):
        way = "`datagov run RECIPE --set ...` measures" if named else "Add --verify, which measures"
        names = ", ".join(step.name for step in unknown)
        raise ConfigError(
            f"This may change which documents reach {names}, of which no others were measured: the ledger cannot "
            f"answer. {way} those that do then"
            if first in gates
            else f"This may change what step {changed.steps[first].name!r} cuts, and with it the texts that {names} "
            f"measured: the ledger cannot answer. {way} {measured_at(first)} again"
        )
    known = {product.key for step in before for product in step.products}
    again = [
        at for at, step in enumerate(after) if any(product.key not in known for product in step.products)
    ]
    if again:
        raise ConfigError(
            f"This changes what {', '.join(after[at].step for at in again)} measures: {measured_at(again[0])} would "
            "have to be measured again, and the ledger cannot answer. `datagov run RECIPE --set ...` does it, reusing the rest"
        )


def _recorded_step(recorded: dict[str, Any], where: str) -> Step:
    resolved = {key: value for key, value in recorded.items() if key not in {"name", "kind"}}
    name, kind = recorded["name"], recorded["kind"]
    return Step(name=name, kind=kind, spec=_spec(kind, resolved, f"{where}: {name}"), resolved=resolved)


def _spec(kind: str, resolved: dict[str, Any], place: str) -> Any:
    model: type[Strict] = KINDS[kind]
    body = _as_written(model, resolved)
    if model is Filter:
        # A filter's resolved bounds are all of its bounds, not changes to its profile's; so are its conditions.
        del body["bounds"]
        body.pop("where", None)
        body["when"] = None if body["when"] is None else {"script": body["when"]}
    return validated(model, body, place)


def _as_written(model: type[Strict], resolved: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step's recorded options, in the form in which its model reads them."""
    if issubclass(model, EditSpec):
        return model.as_written(resolved)
    return {key: copy.deepcopy(value) for key, value in resolved.items() if key in model.model_fields}


def _with_bounds(step: Step, changes: BoundChanges, place: str) -> Step:
    """Return a filter with changed bounds, and bounds on more of what it measured."""
    before = [bound_from(bound) for bound in step.resolved["bounds"]]
    try:
        after = changed_bounds(before, changes, _measured_by(step))
    except ConfigError as error:
        raise ConfigError(f"{place}: {error.message}") from None
    resolved = {**step.resolved, "bounds": [bound_record(bound) for bound in after]}
    return step.model_copy(update={"resolved": resolved, "spec": _spec(step.kind, resolved, place)})


def _changed_filter(step: Step, keys: list[str], value: Any, place: str) -> Step:
    resolved = copy.deepcopy(step.resolved)
    if keys == ["where"]:
        cited = [condition for condition in conditions_of(resolved) if condition.source != RECIPE]
        written = validated(Filter, {"where": value}, place).where
        try:
            resolved = with_where(resolved, with_conditions(cited, written, _measured_by(step)))
        except ConfigError as error:
            raise ConfigError(f"{place}: {error.message}") from None
    elif len(keys) == 1 and keys[0] in OF_A_FILTER:
        resolved[keys[0]] = value
    else:
        raise ConfigError(
            f"{place}: of a filter the ledger can decide again SIGNAL.min, SIGNAL.max, SIGNAL.missing, where, "
            f"{' and '.join(OF_A_FILTER)}. For another option, `datagov run RECIPE --set ...`"
        )
    return step.model_copy(update={"resolved": resolved, "spec": _spec(step.kind, resolved, place)})


def _measured_by(step: Step) -> Callable[[str], Quantity]:
    """Return a function from a signal as written to what it means, for what a filter measured."""
    measured = quantities_of(step.resolved)

    def signal(written: str) -> Quantity:
        family, _, name = written.rpartition("/")
        known = {
            key for key, (owner, _) in measured.items() if family in ("", owner, owner.partition("@")[0])
        }
        if name not in known:
            hint = did_you_mean(name, known or measured)
            raise ConfigError(f"step {step.name!r} has measured no signal {written!r}. {hint}")
        return measured[name][1]

    return signal


def _changed_step(step: Step, keys: list[str], value: Any, place: str) -> Step:
    model = KINDS[step.kind]
    body = _as_written(model, step.resolved)
    target = body
    for key in keys[:-1]:
        inner = target.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{place}: {key!r} is not a mapping")
        target = inner
    target[keys[-1]] = value
    spec: Any = validated(model, body, place)
    if "keep" in step.resolved:
        try:
            KeepPolicy.parse(spec.keep)
        except ConfigError as error:
            raise ConfigError(f"{place}: {error.message}") from None
    options = (
        spec.resolve()
        if isinstance(spec, EditSpec)
        else spec.model_dump(mode="json", include=set(step.resolved))
    )
    resolved = {**step.resolved, **options}
    return step.model_copy(update={"spec": spec, "resolved": resolved})
