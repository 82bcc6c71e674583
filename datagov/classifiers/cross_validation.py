"""Every document held out in turn: outputs of models that never saw it, and what they are worth."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from datagov.classifiers import calibration
from datagov.classifiers.card import MILLION, Calibration
from datagov.classifiers.evaluation import best_threshold, report, report_of_two
from datagov.classifiers.labelled import Labelled
from datagov.classifiers.model import calibrated
from datagov.errors import InputError
from datagov.extras import load

__all__ = ["HeldOut", "Trainer", "cross_validated", "curves_of", "held_out_outputs"]

Indices = npt.NDArray[np.int64]
HeldOut = tuple[npt.NDArray[np.float64], Indices]
"""Outputs float64[N, K] for each document of a model that was not fitted on it; the fold int64[N] it was held out in."""


class Trainer(Protocol):
    """What is fitted: the features of all documents, made once."""

    def fit(self, rows: Indices, label: Indices) -> Any:
        """Fit on some documents, with these labels."""

    def raw(self, model: Any, rows: Indices) -> npt.NDArray[np.float64]:
        """Return a fitted model's outputs float64[M, K] for some documents."""


def held_out_outputs(trainer: Trainer, data: Labelled, folds: int, seed: int) -> HeldOut:
    """Hold out each of some folds in turn; no group is cut apart, and each fold has about the same share of labels.

    Raises
    ------
    InputError
        A label has fewer documents, or fewer groups, than there are folds.
    """
    for at, name in enumerate(data.labels):
        of_label = np.flatnonzero(data.label == at)
        count = len(of_label) if data.group is None else len(np.unique(data.group[of_label]))
        if count < folds:
            what = "documents" if data.group is None else "groups"
            raise InputError(
                f"the label {name!r} has {count} {what}, fewer than {folds} folds: get more, or ask for fewer folds."
            )
    selection = load("scikit-learn", expected=None, module="sklearn.model_selection")
    kind = selection.StratifiedKFold if data.group is None else selection.StratifiedGroupKFold
    splits = kind(folds, shuffle=True, random_state=seed).split(data.label, data.label, data.group)
    raw = np.full((len(data.label), outputs_of(data)), np.nan)
    part = np.empty(len(data.label), np.int64)
    for number, (learned, tested) in enumerate(splits):
        raw[tested] = trainer.raw(trainer.fit(learned, data.label[learned]), tested)
        part[tested] = number
    return raw, part


def outputs_of(data: Labelled) -> int:
    """Return K: one output for two labels, one a label for more."""
    return 1 if len(data.labels) == 2 else len(data.labels)


def curves_of(
    raw: npt.NDArray[np.float64], data: Labelled, method: calibration.Method, chosen: npt.NDArray[np.bool_]
) -> list[Calibration]:
    """Return the calibration of each output, fitted on the chosen documents."""
    targets = [1] if len(data.labels) == 2 else range(len(data.labels))
    return [
        calibration.fit(raw[chosen, at], data.label[chosen] == target, method)
        for at, target in enumerate(targets)
    ]


def cross_validated(found: HeldOut, data: Labelled, method: calibration.Method) -> dict[str, Any]:
    """Return what held-out documents say; each is calibrated, and its threshold chosen, by the other folds alone."""
    raw, part = found
    scores = np.empty_like(raw)
    threshold = np.empty(len(part))
    for fold in range(part.max() + 1):
        inside, outside = part == fold, part != fold
        curves = curves_of(raw, data, method, outside)
        for at, curve in enumerate(curves):
            scores[inside, at] = calibrated(raw[inside, at], curve) / MILLION
        if len(curves) == 1:
            others = calibrated(raw[outside, 0], curves[0]) / MILLION
            threshold[inside] = best_threshold(data.label[outside] == 1, others)
    if scores.shape[1] == 1:
        return report_of_two(data.label, scores[:, 0], threshold, data.labels, positive=1)
    return report(data.label, scores.argmax(axis=1), data.labels)
