"""One method at many settings, from stored traces: no model is asked, and choosing the best is paid for."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError, InputError
from detectors.membership import resolve_params
from detectors.membership.method import Inputs, Method
from detectors.statistics.roc import auroc, delong

__all__ = ["grid_of", "sweep"]

MOST_SETTINGS = 1000
FEWEST = 10


def grid_of(method: Method, values: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return every combination of the values given, defaults for the rest.

    Raises
    ------
    ConfigError
        A parameter is not the method's, or there are more than 1000 combinations.
    """
    settings = [
        resolve_params(method, dict(zip(values, chosen, strict=True)))
        for chosen in itertools.product(*values.values())
    ]
    if len(settings) > MOST_SETTINGS:
        raise ConfigError(
            f"{len(settings)} settings of {method.name} were asked for; a sweep has at most {MOST_SETTINGS}"
        )
    return settings


def sweep(
    method: Method,
    inputs: Inputs,
    settings: Sequence[Mapping[str, Any]],
    labels: npt.NDArray[np.float64],
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the AUROC of each setting, and what the best of them is worth on documents it was not chosen on.

    Parameters
    ----------
    method : Method
    inputs : Inputs
        One row a document.
    settings : sequence of parameters
        `grid_of`.
    labels : float64[N]
        1 a member, 0 a non-member, NaN not known.
    seed : int
        Of the split in two on which the best setting is chosen and tried, both ways.

    Raises
    ------
    InputError
        Fewer than ten documents of a kind have a score at every setting.
    """
    values = np.array([method.score(inputs, params).values for params in settings])
    usable = ~np.isnan(values).any(axis=0) & ~np.isnan(labels)
    members, others = (np.flatnonzero(usable & (labels == kind)) for kind in (1.0, 0.0))
    if min(len(members), len(others)) < FEWEST:
        raise InputError(
            f"{len(members)} members and {len(others)} non-members have a score at every setting of {method.name}; a sweep needs "
            f"at least {FEWEST} of each"
        )
    records = [
        {"params": dict(params), "auroc": asdict(auroc(row[members], row[others]))}
        for params, row in zip(settings, values, strict=True)
    ]
    best = int(np.argmax([record["auroc"]["value"] for record in records]))
    return {
        "method": method.name,
        "members": len(members),
        "non_members": len(others),
        "left_out": int((~usable & ~np.isnan(labels)).sum()),
        "settings": records,
        "best": records[best],
        "best_elsewhere": _elsewhere(values, members, others, seed),
    }


def _elsewhere(
    values: npt.NDArray[np.float64], members: npt.NDArray[np.int64], others: npt.NDArray[np.int64], seed: int
) -> float:
    """Return the mean AUROC of the best setting of either half of the documents, on the other half."""
    generator = np.random.default_rng(seed)
    halves = [np.array_split(generator.permutation(side), 2) for side in (members, others)]
    found = []
    for chosen, tried in ((0, 1), (1, 0)):
        areas = [delong(row[halves[0][chosen]], row[halves[1][chosen]])[0] for row in values]
        row = values[int(np.argmax(areas))]
        found.append(delong(row[halves[0][tried]], row[halves[1][tried]])[0])
    return float(np.mean(found))
