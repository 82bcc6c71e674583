"""Families between recipe and worker: named, recorded, and found again with the files they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datagov.errors import ConfigError
from datagov.model_files import model_file
from datagov.rule import Params, Quantity, SignalFamily
from datagov.signals import FAMILIES, MODEL_FAMILIES, family, model_family, resolve_params
from datagov.signals.imported import refuse_clashes
from datagov.signals.named import recorded, under_name, with_files

__all__ = ["columns_of", "family_record", "family_to_measure", "named_model", "params_to_measure"]


def named_model(
    name: str, written: Mapping[str, Any], folder: Path, others: Sequence[SignalFamily]
) -> tuple[SignalFamily, Params]:
    """Return the family that a recipe uses under a name, and its parameters.

    Parameters
    ----------
    name : str
        The recipe's.
    written : mapping
        What stands under it: `family`, and parameters.
    folder : Path
        The recipe's; paths are relative to it.
    others : sequence of SignalFamily
        Further families whose names, and rules' names, are taken.

    Raises
    ------
    ConfigError
        Unknown family or parameter; a file that is not there, or not what the family reads; a name that is taken.
    """
    if not isinstance(written.get("family"), str):
        raise ConfigError("the key 'family' is missing: it names what kind of model this is.")
    found = under_name(model_family(written["family"], beside=str(folder)), name)
    refuse_clashes(found, (*FAMILIES, *MODEL_FAMILIES, *others))
    given = {key: value for key, value in written.items() if key != "family"}
    for key in found.files:
        if key in given and not isinstance(given[key], str):
            raise ConfigError(f"{key} must be the path of a file, not {given[key]!r}.")
        if key in given:
            given[key] = model_file(folder / given[key])
    return found, resolve_params(found, given)


def family_record(owner: SignalFamily, params: Params) -> dict[str, Any]:
    """Return what is recorded of a family: of a user's or a model's, all that deciding again needs without it."""
    record = {"family": owner.id, "params": plain(recorded(params))}
    if owner.locate is not None:
        record["spans"] = True
    if owner.by_line is not None:
        record["line_values"] = True
    if owner.of:
        record |= {"of": owner.of, "rules": columns_of(owner.rules)}
    if owner.column:
        record |= {"column": owner.column}
    if owner.origin is not None:
        record |= {
            "import": owner.origin.path,
            "source": owner.origin.source,
            "rules": columns_of(owner.rules),
        }
    return record


def columns_of(rules: Sequence[Quantity]) -> dict[str, dict[str, Any]]:
    """Return rule name -> {numerator, denominator} columns, and `is_label` where it is one."""
    return {
        rule.name: {"numerator": rule.numerator, "denominator": rule.denominator}
        | ({"is_label": True} if rule.is_label else {})
        for rule in rules
    }


def plain(value: Any) -> Any:
    """Return what JSON can hold of nested mappings and sequences."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def family_to_measure(params: Mapping[str, Any], modules: str) -> SignalFamily:
    """Return a family of this release, or import one here as it was when the recipe was read.

    Parameters
    ----------
    params : mapping
        A product's: `family`, for a user's family `import` and `source`, and `of` for a family under a name of
        the recipe's.
    modules : str
        Folder in which modules are looked for after all other places.

    Raises
    ------
    ConfigError
        It cannot be imported here, or is another than the recipe's.
    """
    asked = params.get("of", params["family"])
    find = model_family if "of" in params else family
    found = find(params.get("import", asked), beside=modules)
    if "import" in params:
        require_same(found, asked, params)
    return under_name(found, params["family"].partition("@")[0]) if "of" in params else found


def require_same(found: SignalFamily, asked: str, params: Mapping[str, Any]) -> None:
    """Raise ConfigError unless an imported family is the one that the recipe was read with."""
    if found.id != asked or found.origin is None or found.origin.source != params["source"]:
        raise ConfigError(
            f"{params['import']}: is {found.id!r} here with other source than where the run was started; every worker "
            "needs the same. Install it on all machines, or run again if the file was changed meanwhile"
        )


def params_to_measure(found: SignalFamily, params: Mapping[str, Any], files: Mapping[str, str]) -> Params:
    """Return a family's recorded parameters, files among them found by their digests.

    Parameters
    ----------
    found : SignalFamily
    params : mapping
        A product's: `params` holds the family's.
    files : mapping of str to str
        Digest -> path.
    """
    return with_files(found, params["params"], files) if found.files else params["params"]
