"""Many suspects at once: adjusted p-values, and when no rejection is possible whatever the scores."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError, did_you_mean

__all__ = ["CORRECTIONS", "Correction", "adjust", "impossible"]

Correction: TypeAlias = Literal["none", "bh", "holm"]
CORRECTIONS: tuple[Correction, ...] = ("none", "bh", "holm")
"""`bh` bounds the share of false evidence among the evidence, `holm` the chance of any; `none` bounds neither."""


def adjust(p: npt.NDArray[np.float64], correction: str) -> npt.NDArray[np.float64]:
    """Return adjusted p-values, float64[N]: at level alpha those <= alpha are rejected. NaN stays and is not counted.

    They are rounded to 15 significant digits, as many as a level written in decimals keeps, so that one that equals the
    level is not above it by the last bit of a product.

    Conformal p-values that share a calibration set are positively dependent in the way BH needs (Bates et al. 2023,
    Testing for Outliers with Conformal p-values, theorem 2).

    Raises
    ------
    ConfigError
        `correction` is not one of `CORRECTIONS`.

    Source: Benjamini and Hochberg 1995; Holm 1979.
    """
    if correction not in CORRECTIONS:
        raise ConfigError(f"correction {correction!r} is not known. {did_you_mean(correction, CORRECTIONS)}")
    adjusted = np.array(p, dtype=np.float64)
    present = np.flatnonzero(~np.isnan(adjusted))
    if correction == "none" or len(present) == 0:
        return adjusted
    order = present[np.argsort(adjusted[present], kind="stable")]
    ranks = np.arange(1, len(order) + 1)
    if correction == "bh":
        scaled = np.minimum.accumulate((adjusted[order] * len(order) / ranks)[::-1])[::-1]
    else:
        scaled = np.maximum.accumulate(adjusted[order] * (len(order) + 1 - ranks))
    adjusted[order] = [float(f"{value:.15g}") for value in np.minimum(scaled, 1.0).tolist()]
    return adjusted


def impossible(non_members: int, suspects: int, alpha: float, correction: str) -> str | None:
    """Say why no suspect can be rejected whatever its score, or None where one can.

    The smallest conformal p-value is 1 / (n0 + 1).
    """
    smallest = 1 / (non_members + 1)
    needed = suspects * smallest if correction == "holm" else smallest
    if needed <= alpha:
        return None
    return (
        f"with {non_members} known non-members the smallest p-value is {smallest:.3g}, and {correction} over {suspects} "
        f"suspects asks for at most {alpha / suspects if correction == 'holm' else alpha:.3g}: no suspect can be evidence. "
        "Give more non-members" + (", fewer suspects, or use bh" if correction == "holm" else "")
    )
