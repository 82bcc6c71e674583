"""The entries of a profile's file, each read and checked: families, bounds, conditions, word lists, citations.

Messages name the key at fault; whoever calls puts the place in the file before them with `located`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from datagov.condition_sql import condition_tree
from datagov.conditions import Condition
from datagov.errors import ConfigError, did_you_mean
from datagov.policy import MISSING, Bound, bound_from
from datagov.profiles.word_lists import WordList
from datagov.signals import family, family_of_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from datagov.rule import Quantity, SignalFamily

__all__ = [
    "checked",
    "checked_bound",
    "checked_condition",
    "checked_word_lists",
    "located",
    "measured_family",
]

KEYS_OF_WHERE = ("name", "sql", "missing", "source")


def measured_family(
    entry: Any, sources: Mapping[str, str], imported: Sequence[SignalFamily], beside: str
) -> tuple[SignalFamily, str]:
    """Return a family that is measured without a bound, and its citation."""
    if not isinstance(entry, dict):
        raise ConfigError(f"must be a mapping, not {entry!r}.")
    for key in entry:
        if key not in {"family", "source"}:
            raise ConfigError(f"unknown key {key!r}. {did_you_mean(str(key), ('family', 'source'))}")
    for key in ("family", "source"):
        if key not in entry:
            raise ConfigError(f"the key {key!r} is missing.")
    found = family(str(entry["family"]), others=imported, beside=beside)
    return found, citation(entry["source"], sources)


def checked(content: Mapping[str, Any], key: str, kind: type) -> Any:
    """Return the value of a required key, which must be of the given type."""
    if key not in content:
        raise ConfigError(f"the key {key!r} is missing.")
    if not isinstance(content[key], kind) or isinstance(content[key], bool):
        raise ConfigError(f"{key}: must be a {kind.__name__}, not {content[key]!r}.")
    return content[key]


def checked_bound(entry: Any, sources: Mapping[str, str]) -> Bound:
    """Return one bound with its citation spelled out."""
    if not isinstance(entry, dict):
        raise ConfigError(f"must be a mapping, not {entry!r}.")
    for key in ("missing", "source"):
        if key not in entry:
            raise ConfigError(f"the key {key!r} is missing; a profile says it for every bound.")
    return bound_from({**entry, "source": citation(entry["source"], sources)})


def checked_word_lists(content: Any, sources: Mapping[str, str]) -> dict[str, WordList]:
    """Return what is bounded where there is a list, by the name of the family that takes it."""
    if not isinstance(content, dict):
        raise ConfigError("word_lists: must map a family to what its list holds and bounds.")
    found = {}
    for name, entry in content.items():
        where = f"word_lists.{name}"
        owner = located(where, family, name)
        if not isinstance(entry, dict) or set(entry) != {"what", "bounds"}:
            raise ConfigError(f"{where}: must have the keys what and bounds.")
        bounds = []
        for at, each in enumerate(checked(entry, "bounds", list)):
            bound = located(f"{where}.bounds[{at}]", checked_bound, each, sources)
            rule = located(f"{where}.bounds[{at}].signal", family_of_rule, bound.signal)[1]
            if rule not in owner.rules:
                raise ConfigError(
                    f"{where}.bounds[{at}].signal: {rule.name!r} is not of the family {name!r}."
                )
            bounds.append(replace(bound, signal=rule.name))
        found[name] = WordList(checked(entry, "what", str), tuple(bounds))
    return found


def checked_condition(entry: Any, sources: Mapping[str, str], signal: Callable[[str], Quantity]) -> Condition:
    """Return one condition with its citation spelled out."""
    if not isinstance(entry, dict):
        raise ConfigError(f"must be a mapping, not {entry!r}.")
    for key in entry:
        if key not in KEYS_OF_WHERE:
            raise ConfigError(f"unknown key {key!r}. {did_you_mean(str(key), KEYS_OF_WHERE)}")
    for key in KEYS_OF_WHERE:
        if not isinstance(entry.get(key), str):
            raise ConfigError(f"the key {key!r} is missing; a profile says it for every condition.")
    if entry["missing"] not in MISSING:
        raise ConfigError(f"missing is {entry['missing']!r}. {did_you_mean(entry['missing'], MISSING)}")
    tree = condition_tree(entry["sql"], signal)
    return Condition(entry["name"], tree, entry["missing"], citation(entry["source"], sources))


def citation(source: Any, sources: Mapping[str, str]) -> str:
    """Return a citation, written `key, section`, spelled out."""
    source_key, comma, section = str(source).partition(",")
    if source_key not in sources:
        raise ConfigError(f"source: there is no source {source_key!r}. {did_you_mean(source_key, sources)}")
    if not comma or not section.strip():
        raise ConfigError(f"source: {source_key!r} must be followed by a comma and the section.")
    return f"{sources[source_key]}, {section.strip()}"


def located(where: str, call: Any, *arguments: Any) -> Any:
    """Call, and put the place in the file before the message of a ConfigError."""
    try:
        return call(*arguments)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}") from error
