"""Named rule sets: which signals to measure, with which bounds, and who published them.

A profile is a YAML file. Every bound cites its source as `key, section`, where the key is one of the
file's `sources`; what the published recipe has and the profile lacks stands under `not_included`. Families
under `signals` are measured whether or not a bound is on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datagov.conditions import Condition
from datagov.errors import ConfigError, did_you_mean
from datagov.plain_yaml import read_yaml
from datagov.policy import Bound
from datagov.profiles.entries import (
    checked,
    checked_bound,
    checked_condition,
    checked_word_lists,
    located,
    measured_family,
)
from datagov.profiles.word_lists import WordList
from datagov.signals import FAMILIES, family, family_of_rule, resolve_params

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datagov.rule import Params, RuleInfo, SignalFamily

__all__ = ["PROFILES", "Profile", "load_profile"]

PROFILES = (
    "c4-en",
    "evalweb-zh",
    "fineweb-en",
    "fineweb2-zh",
    "gopher-en",
    "mapcc-zh",
    "mapcc-zh-compat",
    "mapneo-en",
    "redpajama-v2",
    "refinedweb-en",
    "roots-en",
    "roots-zh",
)
"""Profiles shipped with datagov."""

KEYS = (
    "profile",
    "version",
    "title",
    "sources",
    "params",
    "not_included",
    "signals",
    "bounds",
    "where",
    "word_lists",
)


@dataclass(frozen=True)
class Profile:
    """A checked profile; every bound's signal belongs to one of its families."""

    name: str
    version: int
    title: str
    families: Mapping[str, Params]
    """Families to measure by id (`words@1`), with all their parameters: those of the bounds, in the
    order of the first bound on each, then those that are only measured."""
    bounds: tuple[Bound, ...]
    """Bounds in the order of the file; `signal` is a rule's plain name, `source` the full citation."""
    not_included: tuple[str, ...]
    """What the published recipe has besides, and why it is not here."""
    measured: Mapping[str, str] = field(default_factory=dict)
    """Families that the file asks for under `signals`, bounded or not, and their citations."""
    imported: tuple[SignalFamily, ...] = ()
    """Those of the families that are not of this release."""
    conditions: tuple[Condition, ...] = ()
    """What must be true of a document besides its bounds."""
    word_lists: Mapping[str, WordList] = field(default_factory=dict)
    """Family name -> what is bounded where there is a list of words for it."""

    def family(self, family_id: str) -> SignalFamily:
        """Return one of `families` by its id."""
        return family(family_id, others=self.imported)

    def own_params(self, family_id: str) -> Params:
        """Return the parameters of one of `families` that are not what it has by default: its bounds hold with these."""
        owner, params = self.family(family_id), self.families[family_id]
        usual = resolve_params(owner, {name: params[name] for name in owner.required})
        return {
            name: value for name, value in params.items() if name in owner.required or usual[name] != value
        }

    def with_words(self, lists: Mapping[str, Sequence[str]]) -> Profile:
        """Return the profile with lists of words for families: it measures with them, and bounds what it says.

        Raises
        ------
        ConfigError
            There is no such family, or it takes no list.
        """
        families, bounds = dict(self.families), list(self.bounds)
        for name, words in lists.items():
            if all("words" not in each.required for each in FAMILIES if each.name == name):
                takers = [each.name for each in FAMILIES if "words" in each.required]
                raise ConfigError(
                    f"word_lists: no family {name!r} takes a list. {did_you_mean(name, takers)}"
                )
            owner = family(name)
            families[owner.id] = resolve_params(owner, {**families.get(owner.id, {}), "words": list(words)})
            bounds += self.word_lists[name].bounds if name in self.word_lists else ()
        return replace(self, families=families, bounds=tuple(bounds))


def load_profile(name_or_path: str | Path, *, beside: str = "") -> Profile:
    """Read and check a profile.

    Parameters
    ----------
    name_or_path : str or Path
        One of `PROFILES`, or the path of a YAML file (anything with a `/` or ending in .yaml or .yml).
    beside : str
        Folder in which modules of user families are looked for after all other places.

    Raises
    ------
    ConfigError
        There is no such profile or file, or the file is not a profile; the message names file and key.
    """
    text, where = read(name_or_path)
    try:
        return parse(read_yaml(text), beside)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}") from error


def read(name_or_path: str | Path) -> tuple[str, str]:
    """Return a profile's text and the name by which errors call it."""
    name = str(name_or_path)
    if name in PROFILES:
        return (files(__package__) / f"{name}.yaml").read_text("utf-8"), f"profile {name}"
    path = Path(name_or_path)
    if not (isinstance(name_or_path, Path) or "/" in name or path.suffix in {".yaml", ".yml"}):
        raise ConfigError(
            f"There is no profile {name!r}. {did_you_mean(name, PROFILES)} A file is named by its path."
        )
    try:
        return path.read_text("utf-8"), name
    except OSError as error:
        raise ConfigError(f"{name}: the profile cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: the profile is not UTF-8: {error}.") from error


def parse(content: Any, beside: str) -> Profile:
    """Return the profile that a file's content describes."""
    if not isinstance(content, dict):
        raise ConfigError("a profile is a mapping with the keys " + ", ".join(KEYS) + ".")
    for key in content:
        if key not in KEYS:
            raise ConfigError(f"unknown key {key!r}. {did_you_mean(str(key), KEYS)}")
    name = checked(content, "profile", str)
    version = checked(content, "version", int)
    title = checked(content, "title", str)
    sources = checked(content, "sources", dict)
    not_included = checked(content, "not_included", list)
    entries = checked(content, "bounds", list)
    given = content.get("params", {})
    if not isinstance(given, dict) or not all(isinstance(value, dict) for value in given.values()):
        raise ConfigError("params: must map a family to its parameters.")

    measured: dict[str, str] = {}
    imported: list[SignalFamily] = []
    wanted = content.get("signals", [])
    if not isinstance(wanted, list):
        raise ConfigError("signals: must be a list of families.")
    for at, entry in enumerate(wanted):
        key = f"signals[{at}]"
        owner, source = located(key, measured_family, entry, sources, imported, beside)
        if owner.id in measured:
            raise ConfigError(f"{key}.family: {owner.name!r} is named twice.")
        measured[owner.id] = source
        if owner.origin is not None:
            imported.append(owner)

    families: dict[str, Params] = {}
    params = {
        located(f"params.{key}", partial(family, others=imported), key).id: value
        for key, value in given.items()
    }

    def measure(owner: SignalFamily) -> None:
        if owner.id not in families:
            chosen = params.get(owner.id, {})
            families[owner.id] = located(f"params.{owner.name}", resolve_params, owner, chosen)

    bounds: list[Bound] = []
    for at, entry in enumerate(entries):
        key = f"bounds[{at}]"
        bound = located(key, checked_bound, entry, sources)
        owner, rule = located(f"{key}.signal", partial(family_of_rule, others=imported), bound.signal)
        if any(rule.name == other.signal for other in bounds):
            raise ConfigError(
                f"{key}.signal: {rule.name!r} is bounded twice; write one bound with min and max."
            )
        if rule.is_label and not (bound.min is None and bound.max is None):
            raise ConfigError(
                f"{key}: {rule.name!r} is a label and has no limits; write a condition under where."
            )
        measure(owner)
        bounds.append(replace(bound, signal=rule.name))

    def signal(name: str) -> RuleInfo:
        owner, rule = family_of_rule(name, others=imported)
        measure(owner)
        return rule

    conditions: list[Condition] = []
    written = content.get("where", [])
    if not isinstance(written, list):
        raise ConfigError("where: must be a list of conditions.")
    for at, entry in enumerate(written):
        condition = located(f"where[{at}]", checked_condition, entry, sources, signal)
        if any(condition.name == other.name for other in conditions):
            raise ConfigError(f"where[{at}].name: two conditions are called {condition.name!r}.")
        conditions.append(condition)
    for family_id in measured:
        measure(family(family_id, others=imported))
    if not families:
        raise ConfigError("there is neither a bound nor a family under `signals`: nothing is measured.")
    for unused in params.keys() - families.keys():
        raise ConfigError(f"params.{unused}: no bound is on a signal of this family.")
    return Profile(
        name,
        version,
        title,
        families,
        tuple(bounds),
        tuple(map(str, not_included)),
        measured,
        tuple(imported),
        tuple(conditions),
        checked_word_lists(content.get("word_lists", {}), sources),
    )
