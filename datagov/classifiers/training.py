"""From labelled documents to a classifier's folder: fitted, calibrated and evaluated on documents held out."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from datagov import __version__
from datagov.classifiers.calibration import Method
from datagov.classifiers.card import FORMAT, MILLION, Calibration, Card, NGrams, Tokens
from datagov.classifiers.cross_validation import Trainer, cross_validated, curves_of, held_out_outputs
from datagov.classifiers.evaluation import best_threshold, report, report_of_two
from datagov.classifiers.fasttext_model import FastText, library
from datagov.classifiers.fasttext_training import FastTextSettings, FastTextTrainer
from datagov.classifiers.labelled import Labelled
from datagov.classifiers.linear import write_weights
from datagov.classifiers.linear_training import LinearSettings, LinearTrainer
from datagov.classifiers.model import Classifier, calibrated, in_form
from datagov.classifiers.saving import refuse_existing, save
from datagov.classifiers.tables import tables_of
from datagov.errors import ConfigError
from datagov.text.batch import TextBatch

__all__ = ["Plan", "evaluate", "train"]


@dataclass(frozen=True)
class Plan:
    """How a classifier is made, besides its data."""

    reading: NGrams | Tokens
    settings: LinearSettings | FastTextSettings
    positive: str = ""
    """The label whose probability is meant where none is named; empty for the last one."""
    method: Method = "isotonic"
    folds: int = 5
    seed: int = 0
    """Of the folds."""


def train(folder: Path, data: Labelled, plan: Plan, held_out: Labelled | None = None) -> Card:
    """Train a classifier and write its folder.

    What calibrates and evaluates are outputs for documents held out in turn. The model that is kept is fitted on all of
    them, and evaluated on `held_out` as well, if that is given.

    Parameters
    ----------
    folder : Path
        Must not exist.
    data, held_out : Labelled
        With the same labels.
    plan : Plan

    Returns
    -------
    Card
        As written.

    Raises
    ------
    ConfigError
        The folder exists, there is no such label, or a library is missing.
    InputError
        There are too few documents of a label, or too few groups, for the folds.
    """
    refuse_existing(folder)
    data = positive_last(data, plan.positive or data.labels[-1])
    trainer = trainer_of(data, plan)
    outputs = held_out_outputs(trainer, data, plan.folds, plan.seed)
    everywhere = np.ones(len(data.label), bool)
    curves = curves_of(outputs[0], data, plan.method, everywhere)
    evaluation: dict[str, Any] = {"cross_validation": cross_validated(outputs, data, plan.method)}
    if len(curves) == 1:
        score = calibrated(outputs[0][:, 0], curves[0]) / MILLION
        evaluation["threshold"] = best_threshold(data.label == 1, score)
    model = trainer.fit(np.flatnonzero(everywhere), data.label)
    evaluation["kept_model"] = said_of_its_own(trainer.raw(model, np.flatnonzero(everywhere)), curves, data)
    fields: dict[str, Any] = {
        "datagov_classifier": FORMAT,
        "name": folder.name,
        "labels": data.labels,
        "positive": data.labels[-1],
        "reading": plan.reading,
        "tables": tables_of(plan.reading),
        "calibration": dict(zip(data.labels[-len(curves) :], curves, strict=True)),
        "training": record(data, plan),
        "evaluation": evaluation,
    }
    if held_out is not None:
        card = Card.model_construct(**fields)
        evaluation["held_out"] = evaluate(Classifier(card, model), held_out)
    if isinstance(model, FastText):
        return save(folder, "model.bin", model.save, fields)
    return save(folder, "weights.npz", partial(write_weights, linear=model), fields)


def said_of_its_own(
    raw: npt.NDArray[np.float64], curves: Sequence[Calibration], data: Labelled
) -> dict[str, dict[str, float]]:
    """Return label -> `share` of the documents it was trained on, `mean_probability` that the kept model gives them.

    The curves were fitted on outputs of other models, of the folds. Where the kept model's lie elsewhere the two differ much,
    and its probabilities mean nothing.
    """
    found = {}
    for at, (name, curve) in enumerate(zip(data.labels[-len(curves) :], curves, strict=True)):
        share = float(np.mean(data.label == data.labels.index(name)))
        found[name] = {
            "share": share,
            "mean_probability": float(calibrated(raw[:, at], curve).mean()) / MILLION,
        }
    return found


def positive_last(data: Labelled, positive: str) -> Labelled:
    """Return the data with the positive label as the last one.

    Raises
    ------
    ConfigError
        It is none of the labels.
    """
    if positive not in data.labels:
        raise ConfigError(f"positive is {positive!r}, which is no label; there are {', '.join(data.labels)}.")
    labels = [name for name in data.labels if name != positive] + [positive]
    place = np.array([labels.index(name) for name in data.labels])
    return replace(data, labels=labels, label=place[data.label])


def trainer_of(data: Labelled, plan: Plan) -> Trainer:
    """Return what is fitted, with all documents read."""
    batch = in_form(TextBatch(data.texts), plan.reading)
    if isinstance(plan.settings, LinearSettings):
        assert isinstance(plan.reading, NGrams)
        return LinearTrainer(batch, plan.reading, plan.settings, len(data.labels))
    assert isinstance(plan.reading, Tokens)
    return FastTextTrainer(batch, plan.reading, plan.settings, len(data.labels))


def record(data: Labelled, plan: Plan) -> dict[str, Any]:
    """Return what a card says of the training."""
    made_by = {"scikit-learn": metadata.version("scikit-learn")}
    if isinstance(plan.settings, FastTextSettings):
        name, _, version = library().partition(" ")
        made_by[name] = version
    return {
        "files": data.files,
        "documents": data.counts(),
        "grouped": data.group is not None,
        "settings": asdict(plan.settings),
        "calibration": plan.method,
        "folds": plan.folds,
        "seed": plan.seed,
        "made_with": {"datagov": __version__, "python": platform.python_version(), **made_by},
    }


def evaluate(classifier: Classifier, data: Labelled) -> dict[str, Any]:
    """Return how well a classifier does on labelled documents whose labels are its own.

    Of two labels, a document counts as positive from the card's `evaluation.threshold` on; of more, the label of the
    highest score counts.
    """
    card = classifier.card
    batch = TextBatch(data.texts)
    label = np.array([card.labels.index(name) for name in data.labels])[data.label]
    if len(card.labels) > 2:
        scores = np.column_stack([classifier.scores(batch, name) for name in card.labels])
        return {"files": data.files, **report(label, scores.argmax(axis=1), card.labels)}
    positive = card.labels.index(card.positive)
    score = classifier.scores(batch, card.positive) / MILLION
    threshold = np.full(len(score), card.evaluation.get("threshold", 0.5))
    return {"files": data.files, **report_of_two(label, score, threshold, card.labels, positive=positive)}
