"""The family that a worker measures with: that of the recipe, or an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datagov.errors import ConfigError
from datagov.rule import SignalFamily
from datagov.signals import family

__all__ = ["family_to_measure"]


def family_to_measure(params: Mapping[str, Any], modules: str) -> SignalFamily:
    """Return a family of this release, or import one here as it was when the recipe was read.

    Parameters
    ----------
    params : mapping
        A product's: `family`, and for a user's family `import` and `source`.
    modules : str
        Folder in which modules are looked for after all other places.

    Raises
    ------
    ConfigError
        It cannot be imported here, or is another than the recipe's.
    """
    if "import" not in params:
        return family(params["family"])
    found = family(params["import"], beside=modules)
    if found.id != params["family"] or found.origin is None or found.origin.source != params["source"]:
        raise ConfigError(
            f"{params['import']}: is {found.id!r} here with other source than where the run was started; every worker "
            "needs the same. Install it on all machines, or run again if the file was changed meanwhile"
        )
    return found
