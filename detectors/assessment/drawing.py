"""Curves and bars as SVG coordinates; the template draws them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.statistics.roc import clopper_pearson, curve

__all__ = ["Bars", "HeatToken", "Roc", "bars_of", "heat_of", "roc_of"]

SIDE = 300
WIDE, HIGH = 460, 180
BINS = 40
POINTS = 200
"""Most points of a drawn curve."""


@dataclass(frozen=True)
class Roc:
    """A ROC curve and its pointwise 95 % band, as SVG point lists in a square of `side`."""

    line: str
    band: str
    side: int = SIDE


@dataclass(frozen=True)
class Bars:
    """Two histograms over the same bins: rectangles (x, y, width, height) in a box of `width` by `height`."""

    suspects: list[tuple[float, float, float, float]]
    non_members: list[tuple[float, float, float, float]]
    low: float
    high: float
    mark: float | None
    """x of the threshold; None where there is none."""
    width: int = WIDE
    height: int = HIGH


@dataclass(frozen=True)
class HeatToken:
    """One token and its shade: 0 the lowest contribution of its text, 1 the highest; None where it is not looked at."""

    text: str
    value: float | None
    shade: float | None


def roc_of(members: npt.NDArray[np.float64], non_members: npt.NDArray[np.float64]) -> Roc:
    """Return the drawn ROC curve of two sets of scores, none undefined."""
    fpr, tpr = curve(members, non_members)
    kept = np.unique(np.linspace(0, len(fpr) - 1, min(POINTS, len(fpr))).astype(int))
    fpr, tpr = fpr[kept], tpr[kept]
    bounds = [clopper_pearson(round(rate * len(members)), len(members)) for rate in tpr]
    upper = [(x, high) for x, (_, high) in zip(fpr, bounds, strict=True)]
    lower = [(x, low) for x, (low, _) in zip(fpr, bounds, strict=True)]
    return Roc(_points(zip(fpr, tpr, strict=True)), _points([*upper, *lower[::-1]]))


def bars_of(
    suspects: npt.NDArray[np.float64], non_members: npt.NDArray[np.float64], threshold: float | None
) -> Bars:
    """Return two drawn histograms, each of unit area; scores beyond the 0.5 % and 99.5 % quantiles are in the end bins."""
    pooled = np.concatenate([suspects, non_members])
    low, high = (float(value) for value in np.quantile(pooled, [0.005, 0.995]))
    high = high if high > low else low + 1.0
    shares = [
        np.histogram(np.clip(side, low, high), BINS, (low, high))[0] / max(len(side), 1)
        for side in (suspects, non_members)
    ]
    tallest = max(float(np.max(share)) for share in shares) or 1.0
    step = WIDE / BINS
    drawn = [
        [
            (
                round(i * step, 2),
                round(HIGH - HIGH * value / tallest, 2),
                round(step, 2),
                round(HIGH * value / tallest, 2),
            )
            for i, value in enumerate(share.tolist())
        ]
        for share in shares
    ]
    mark = None
    if threshold is not None and low <= threshold <= high:
        mark = round(WIDE * (threshold - low) / (high - low), 2)
    return Bars(drawn[0], drawn[1], low, high, mark)


def heat_of(tokens: Sequence[str], values: npt.NDArray[np.float64]) -> list[HeatToken]:
    """Return the tokens of one text with their shades.

    Parameters
    ----------
    tokens : sequence of str, length n
    values : float64[n]
        `Explanation.values_T` of the text; NaN where a token is not looked at.
    """
    present = values[~np.isnan(values)]
    low, span = (float(present.min()), float(np.ptp(present)) or 1.0) if len(present) else (0.0, 1.0)
    return [
        HeatToken(token, None, None)
        if np.isnan(value)
        else HeatToken(token, float(value), round((float(value) - low) / span, 3))
        for token, value in zip(tokens, values, strict=True)
    ]


def _points(pairs: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{SIDE * x:.1f},{SIDE * (1 - y):.1f}" for x, y in pairs)
