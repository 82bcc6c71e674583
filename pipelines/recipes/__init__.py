"""Ready recipes: files to copy, with the input, the output and the models to be filled in."""

from __future__ import annotations

from importlib.resources import files

from datagov.errors import ConfigError, did_you_mean

__all__ = ["RECIPES", "recipe_text"]

RECIPES = ("bilingual", "map-cc", "yi-cascade", "fineweb2-zh", "fineweb-en")
"""Names of the recipes that `datagov init` writes; all but the first follow a paper (docs/cascades)."""


def recipe_text(name: str) -> str:
    """Return a ready recipe.

    Raises
    ------
    ConfigError
        There is none of this name.
    """
    if name not in RECIPES:
        raise ConfigError(f"no recipe {name!r}. {did_you_mean(name, RECIPES)}")
    return files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
