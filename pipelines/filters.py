"""Filters as recipes write them, spelled out: a profile, changes to its bounds, conditions, families."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datagov.condition_sql import condition_tree
from datagov.conditions import Condition, labels_in
from datagov.errors import ConfigError, did_you_mean
from datagov.model_files import ModelFile
from datagov.policy import Bound, bound_from
from datagov.profiles import Profile, load_profile
from datagov.profiles.entries import located
from datagov.profiles.word_lists import read_word_list
from datagov.quantiles import Quantile
from datagov.rule import Quantity
from datagov.signals import family, family_of_rule, resolve_params
from pipelines.families import columns_of, family_record, named_model

if TYPE_CHECKING:
    from datagov.rule import Params, SignalFamily
    from pipelines.filter_spec import Filter, Where

__all__ = [
    "CHANGEABLE",
    "RECIPE",
    "bound_record",
    "changed_bounds",
    "conditions_of",
    "of_survivors",
    "quantities_of",
    "resolve_filter",
    "rules_of",
    "takes_quantiles",
    "with_conditions",
    "with_where",
]

RECIPE = "the recipe"
"""Source of bounds and conditions that no profile cites."""

CHANGEABLE = ("min", "max", "missing")
"""What a recipe can change of a bound."""

NO_PROFILE = Profile("", 0, "", {}, (), ())


def resolve_filter(spec: Filter, place: str, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a filter spelled out: families with parameters, bounds with changes applied, conditions as trees.

    Parameters
    ----------
    spec : Filter
        As written in the recipe.
    place : str
        Where, for messages.
    folder : Path
        The recipe's folder; a profile given as a path is relative to it, and modules of families are looked
        for there after all other places.

    Returns
    -------
    dict
        What the filter does; files of models stand in it by their digest.
    dict of str to str
        Digest -> absolute path of those files.

    Raises
    ------
    ConfigError
        Unknown profile, family, signal or limit; a family that cannot be imported; a model or a condition that
        cannot be read.
    """
    try:
        return _resolved(spec, folder)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error.message}") from None


def _resolved(spec: Filter, folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    lists = {name: read_word_list(folder / path) for name, path in spec.word_lists.items()}
    profile = _profile(spec.profile, folder).with_words(lists)
    imported = list(profile.imported)
    families = {name: (profile.family(name), params) for name, params in profile.families.items()}

    def measure(owner: SignalFamily) -> None:
        if owner.id not in families:
            families[owner.id] = owner, resolve_params(owner, {})

    for name in spec.signals:
        owner = family(name, others=imported, beside=str(folder))
        imported += [owner] if owner.origin is not None else []
        measure(owner)
    for name, written in spec.models.items():
        owner, params = located(f"models.{name}", named_model, name, written, folder, imported)
        imported.append(owner)
        families[owner.id] = owner, params

    def signal(name: str) -> Quantity:
        owner, rule = family_of_rule(name, others=imported)
        measure(owner)
        return rule

    bounds = changed_bounds(profile.bounds, spec.bounds, signal)
    conditions = with_conditions(profile.conditions, spec.where, signal)
    for condition in conditions:
        check_labels(condition, families.values())
    if not families:
        raise ConfigError("the filter measures nothing: give it a profile, signals, bounds or where")
    resolved = {
        "profile": profile.name or None,
        "profile_version": profile.version or None,
        "when": sorted(spec.when.script) if spec.when is not None else None,
        "otherwise": spec.otherwise,
        "annotate": spec.annotate,
        "families": [family_record(owner, params) for owner, params in families.values()],
        "bounds": [bound_record(bound) for bound in bounds],
    }
    if spec.measure != "all":
        resolved["measure"] = spec.measure
    given = (value for _, params in families.values() for value in params.values())
    files = {value.sha256: value.path for value in given if isinstance(value, ModelFile)}
    return with_where(resolved, conditions), files


def check_labels(condition: Condition, families: Iterable[tuple[SignalFamily, Params]]) -> None:
    """Raise ConfigError if a condition asks for a label that its signal never has."""
    for name, label in labels_in(condition.tree):
        for owner, params in families:
            if owner.labels is not None and any(rule.name == name for rule in owner.rules):
                known = owner.labels(params)
                if label not in known:
                    hint = did_you_mean(label, known)
                    raise ConfigError(f"{condition.name}: {name} is never {label!r}. {hint}")


def _profile(name: str | None, folder: Path) -> Profile:
    if name is None:
        return NO_PROFILE
    is_path = name.endswith((".yaml", ".yml"))
    return load_profile(folder / name if is_path else name, beside=str(folder))


def changed_bounds(
    before: Sequence[Bound], changes: Mapping[str, Any], signal: Callable[[str], Quantity]
) -> list[Bound]:
    """Return some bounds with changes, and bounds on other signals after them.

    Parameters
    ----------
    before : sequence of Bound
    changes : mapping
        Signal -> {min, max, missing}, or None; as in a recipe's `bounds`.
    signal : callable
        From a signal as written to what it means; raises ConfigError where there is none.
    """
    bounds = {bound.signal: bound for bound in before}
    for written, change in changes.items():
        for key in change or {}:
            if key not in CHANGEABLE:
                hint = did_you_mean(key, CHANGEABLE)
                raise ConfigError(f"bound on {written!r}: there is no key {key!r}. {hint}")
        quantity = signal(written)
        name = quantity.name
        if quantity.is_label and any((change or {}).get(key) is not None for key in ("min", "max")):
            raise ConfigError(f"bound on {written!r}: a label has no limits; say where: \"{name} = 'zh'\".")
        old = bounds.get(name)
        if old is None and change is None:
            raise ConfigError(f"there is no bound on {name!r} to take away. {did_you_mean(name, bounds)}")
        if old is None:
            bounds[name] = bound_from({"signal": name, "source": RECIPE, **change})
            continue
        limits = {key: getattr(old, key) for key in ("min", "max")}
        if change is None or (
            all(change.get(key, limit) is None for key, limit in limits.items())
            and change.get("missing", old.missing) != "drop"
        ):
            del bounds[name]
            continue
        merged = {"signal": name, **limits, "missing": old.missing, "source": old.source}
        bounds[name] = bound_from({**merged, **change})
    return list(bounds.values())


def with_conditions(
    cited: Sequence[Condition], written: Sequence[Where], signal: Callable[[str], Quantity]
) -> list[Condition]:
    """Return a profile's conditions and, after them, those that a recipe wrote."""
    found = list(cited)
    for at, each in enumerate(written, 1):
        name = each.name or ("where" if len(written) == 1 else f"where-{at}")
        try:
            found.append(Condition(name, condition_tree(each.sql, signal), each.missing, RECIPE))
        except ConfigError as error:
            raise ConfigError(f"{name}: {error.message}") from None
        if any(name == other.name for other in found[:-1]):
            raise ConfigError(f"two conditions are called {name!r}; give each a name of its own")
    return found


def bound_record(bound: Bound) -> dict[str, Any]:
    """Return a bound as the canonical recipe has it."""

    def limit(of: float | Quantile | None) -> Any:
        return of.as_dict() if isinstance(of, Quantile) else None if of is None else float(of)

    return {
        "signal": bound.signal,
        "min": limit(bound.min),
        "max": limit(bound.max),
        "missing": bound.missing,
        "source": bound.source,
    }


def with_where(resolved: Mapping[str, Any], conditions: Sequence[Condition]) -> dict[str, Any]:
    """Return a resolved filter with these conditions; one without any says nothing of them."""
    plain = {key: value for key, value in resolved.items() if key != "where"}
    records = [
        {
            "name": each.name,
            "sql": each.sql,
            "tree": each.tree,
            "missing": each.missing,
            "source": each.source,
        }
        for each in conditions
    ]
    return {**plain, "where": records} if records else plain


def conditions_of(resolved: Mapping[str, Any]) -> list[Condition]:
    """Return the conditions of a resolved filter."""
    return [
        Condition(each["name"], each["tree"], each["missing"], each["source"])
        for each in resolved.get("where", ())
    ]


def quantities_of(resolved: Mapping[str, Any]) -> dict[str, tuple[str, Quantity]]:
    """Return signal -> (family id, what its value is made of), for all that a filter measures."""
    return {
        name: (
            family_id,
            Quantity(
                name, columns["numerator"], columns["denominator"], is_label=columns.get("is_label", False)
            ),
        )
        for family_id, rules in rules_of(resolved).items()
        for name, columns in rules.items()
    }


def rules_of(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """Return family id -> rule name -> {numerator, denominator} columns; no user's code is needed."""
    return {
        entry["family"]: entry["rules"] if "rules" in entry else columns_of(family(entry["family"]).rules)
        for entry in resolved["families"]
    }


def of_survivors(resolved: Mapping[str, Any]) -> bool:
    """Return whether a resolved filter measures only the documents that earlier steps left."""
    return resolved.get("measure") == "survivors"


def takes_quantiles(resolved: Mapping[str, Any]) -> bool:
    """Return whether a resolved filter has limits that a run finds out."""
    return any(isinstance(bound[name], dict) for bound in resolved["bounds"] for name in ("min", "max"))
