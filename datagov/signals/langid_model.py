"""The model that py3langid ships, as arrays that kernels can read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError
from datagov.extras import load, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datagov.rule import Params

__all__ = ["STEPS", "LanguageModel", "labels", "language_model", "prepared", "tables_of"]

LIBRARY: Final = "py3langid"

STEPS: Final = 512
"""Weights are float16 from 2 to 16 in size, all of them whole multiples of 1/512."""


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """An automaton of S states with R different rows of moves, and F features' weights in C classes."""

    labels: tuple[str, ...]
    """L different labels: codes of ISO 639, and `zxx` for what is no language."""
    moves: npt.NDArray[np.uint32]
    """uint32[R, 256]: the next state, by row of moves and byte."""
    row: npt.NDArray[np.int64]
    """int64[S]: a state's row of moves."""
    feature: npt.NDArray[np.int32]
    """int32[S]: the feature seen when a state is reached, or -1."""
    weight: npt.NDArray[np.int16]
    """int16[F, C]: log-likelihood of a feature in a class, in 1/512 nats."""
    prior: npt.NDArray[np.float64]
    """float64[C]: log-probability of a class, up to a constant."""
    label: npt.NDArray[np.int64]
    """int64[C]: a class's label; two scripts of one language are two classes."""


def tables_of(
    weight: npt.NDArray[Any],
    prior: npt.NDArray[Any],
    classes: Sequence[str],
    moves: npt.NDArray[Any],
    row: npt.NDArray[Any],
    feature: Sequence[int],
) -> LanguageModel:
    """Return a model from the library's six tables, as `py3langid.modelio.load_model` returns them."""
    labels = tuple(dict.fromkeys(classes))
    steps = np.asarray(weight, np.float32) * STEPS
    whole = steps.astype(np.int16)
    if not np.array_equal(whole, steps):
        raise ConfigError(
            f"py3langid's model has weights that are no multiples of 1/{STEPS}, which this release cannot read. "
            "Install the version that the extra names: pip install 'datagov[language]'"
        )
    return LanguageModel(
        labels=labels,
        moves=np.asarray(moves, np.uint32).reshape(-1, 256),
        row=np.asarray(row, np.int64),
        feature=np.asarray(feature, np.int32),
        weight=whole,
        prior=np.asarray(prior, np.float64),
        label=np.array([labels.index(name) for name in classes], np.int64),
    )


def prepared(params: Params) -> Params:
    """Return a family's parameters with the library's version filled in.

    Raises
    ------
    ConfigError
        A number is not a whole one above 0; the library is not installed, or of another version than given.
    """
    for name, value in params.items():
        if name != "library" and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise ConfigError(f"{name} must be a whole number above 0, not {value!r}.")
    here = named(LIBRARY)
    if params["library"] not in ("", here):
        raise ConfigError(f"library: {params['library']!r} is asked for, and {here} is installed.")
    return {**params, "library": here}


def language_model(library: str) -> LanguageModel:
    """Return the model that py3langid ships; loaded once a process, about 75 MB.

    Parameters
    ----------
    library : str
        What `prepared` filled in where the recipe was read; empty takes any version.

    Raises
    ------
    ConfigError
        The library is not installed, of another version, or its model is of another kind.
    """
    load(LIBRARY, expected=library or None)
    return _shipped()


@cache
def _shipped() -> LanguageModel:
    langid = load(LIBRARY, expected=None, module="py3langid.langid")
    stored = load(LIBRARY, expected=None, module="py3langid.modelio")
    return tables_of(*stored.load_model(langid.MODEL_DIR / langid.MODEL_FILE))


def labels(params: Params) -> tuple[str, ...]:
    """Return the languages that the model knows."""
    return language_model(params["library"]).labels
