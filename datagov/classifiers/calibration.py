"""From raw outputs to probabilities: fitted on documents that the classifier was not trained on."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from datagov.classifiers.card import MILLION, Calibration
from datagov.extras import load

__all__ = ["METHODS", "Method", "fit"]

Method: TypeAlias = Literal["isotonic", "platt"]
METHODS: Final[tuple[Method, ...]] = ("isotonic", "platt")

KNOTS: Final = 201
"""Points at which Platt's curve is kept; the line between two is off by less than 0.001 where they lie 0.1 apart."""


def fit(raw: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_], method: Method) -> Calibration:
    """Fit a calibration.

    Parameters
    ----------
    raw : float64[N]
        Outputs for documents that were held out.
    positive : bool[N]
        Whether they have the label.
    method : isotonic or platt
        `isotonic` takes any rising curve and needs some thousand documents; `platt` a logistic curve.

    Source
    ------
    Isotonic: Zadrozny and Elkan 2002. Platt 1999, with his targets (N+ + 1) / (N+ + 2) and 1 / (N- + 2).
    """
    if method == "isotonic":
        found = (
            load("scikit-learn", expected=None, module="sklearn.isotonic")
            .IsotonicRegression(out_of_bounds="clip")
            .fit(raw, positive)
        )
        return knots(found.X_thresholds_, found.y_thresholds_)
    count = int(positive.sum())
    target = np.where(positive, (count + 1) / (count + 2), 1 / (len(raw) - count + 2))
    # A soft target is two documents, one of each label, that weigh as much as it says.
    doubled = np.concatenate([raw, raw])[:, None]
    classes = np.repeat([1, 0], len(raw))
    weights = np.concatenate([target, 1 - target])
    model = load("scikit-learn", expected=None, module="sklearn.linear_model").LogisticRegression(C=np.inf)
    model.fit(doubled, classes, sample_weight=weights)
    places = np.linspace(raw.min(), raw.max(), KNOTS)
    return knots(places, model.predict_proba(places[:, None])[:, 1])


def knots(raw: npt.NDArray[np.float64], probability: npt.NDArray[np.float64]) -> Calibration:
    """Return a curve through these points; of several at one place the last."""
    places = np.asarray(raw, np.float64)
    last = np.append(places[1:] != places[:-1], True)
    millionths = np.maximum.accumulate(np.rint(np.clip(probability, 0, 1) * MILLION).astype(np.int64))
    return Calibration(raw=places[last].tolist(), millionths=millionths[last].tolist())
