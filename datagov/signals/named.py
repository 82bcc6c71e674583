"""Families that read a model from a file, used under names that a recipe gives: two classifiers are two families.

A recipe says `models: {toxicity: {family: classifier, model: PATH}}`. That makes a family called `toxicity`, whose
rule `score` is called `toxicity_score`; all that speaks of families and rules then takes it as any other. Files are
recorded by their digest alone, so that moving one measures nothing again; the paths travel to workers beside.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from datagov.errors import ConfigError
from datagov.model_files import ModelFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datagov.rule import Params, SignalFamily

__all__ = ["SHA256", "recorded", "under_name", "with_files"]

SHA256 = "sha256"
"""Key under which a recorded parameter says which file it is."""

NAME = re.compile(r"^[a-z][a-z0-9_]*$")


def under_name(family: SignalFamily, name: str) -> SignalFamily:
    """Return a family under another name, each rule's name begun with it: `score` becomes `toxicity_score`.

    Raises
    ------
    ConfigError
        The family reads no file, or the name is not of a-z, 0-9 and _.
    """
    if not family.files:
        raise ConfigError(
            f"Signal family {family.id!r} reads no model: name it under `signals`, or put a bound on it."
        )
    if not NAME.match(name):
        raise ConfigError(f"model {name!r}: the name must be of a-z, 0-9 and _, and begin with a letter.")
    rules = tuple(replace(rule, name=f"{name}_{rule.name}") for rule in family.rules)
    return replace(family, name=name, rules=rules, of=family.id)


def recorded(params: Params) -> dict[str, Any]:
    """Return parameters with files as the ledger knows them: by their digest."""
    return {
        name: {SHA256: value.sha256} if isinstance(value, ModelFile) else value
        for name, value in params.items()
    }


def with_files(family: SignalFamily, params: Params, paths: Mapping[str, str]) -> Params:
    """Return recorded parameters with files in place of their digests.

    Parameters
    ----------
    family : SignalFamily
    params : mapping
        As `recorded` returns them.
    paths : mapping of str to str
        Digest -> absolute path.
    """
    files = {name: ModelFile(paths[params[name][SHA256]], params[name][SHA256]) for name in family.files}
    return {**params, **files}
