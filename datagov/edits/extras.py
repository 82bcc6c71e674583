"""The libraries some edits need: loaded when first used, named in the recipe's canonical form."""

from __future__ import annotations

from functools import cache
from importlib import import_module, metadata
from typing import Any

from datagov.errors import ConfigError

__all__ = ["load", "named"]

EXTRA = {"ftfy": "repair", "opencc": "zh"}
"""Library -> the extra of this package that installs it."""


@cache
def named(library: str) -> str:
    """Return `NAME VERSION` of an installed library; its version decides what an edit does.

    Raises
    ------
    ConfigError
        It is not installed; the message names the extra.
    """
    try:
        return f"{library} {metadata.version(library)}"
    except metadata.PackageNotFoundError:
        raise ConfigError(
            f"this edit needs {library}, which is not installed: pip install 'datagov[{EXTRA[library]}]'"
        ) from None


def load(library: str, *, expected: str | None) -> Any:
    """Import a library, and check that it is the one the work was planned with.

    Parameters
    ----------
    library : str
    expected : str or None
        What `named` returned where the recipe was read; None takes any version.

    Raises
    ------
    ConfigError
        It is not installed, or it is another version than expected: two workers with different
        versions would write different texts.
    """
    here = named(library)
    if expected is not None and here != expected:
        raise ConfigError(
            f"this edit was planned with {expected}, and this process has {here}: install one version everywhere"
        )
    return import_module(library)
