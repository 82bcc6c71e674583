"""A classifier ready to be asked: its card, its weights, and the scores of a batch as whole millionths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from datagov.classifiers.card import MILLION, Calibration, Card, read_card
from datagov.classifiers.linear import Linear, read_weights
from datagov.errors import ConfigError, did_you_mean
from datagov.model_files import ModelFile, sha256_of

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["Classifier", "calibrated", "load"]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A card with the weights it names."""

    card: Card
    linear: Linear

    def label(self, wanted: str) -> str:
        """Return a label, or the positive one where none is wanted.

        Raises
        ------
        ConfigError
            There is no such label.
        """
        if wanted and wanted not in self.card.labels:
            raise ConfigError(
                f"classifier {self.card.name!r} has no label {wanted!r}. {did_you_mean(wanted, self.card.labels)}"
            )
        return wanted or self.card.positive

    def raw(self, batch: TextBatch) -> npt.NDArray[np.float64]:
        """Return the raw outputs float64[N, K], NaN for a text of nothing but white space."""
        return self.linear.margins(batch, self.card.features)

    def scores(self, batch: TextBatch, label: str) -> npt.NDArray[np.float64]:
        """Return the probability of a label for each text: float64[N] of whole millionths, NaN where undefined."""
        raw = self.raw(batch)
        if len(self.card.labels) > 2:
            return calibrated(raw[:, self.card.labels.index(label)], self.card.calibration[label])
        found = calibrated(raw[:, 0], self.card.calibration[self.card.positive])
        return found if label == self.card.positive else MILLION - found


def calibrated(raw: npt.NDArray[np.float64], by: Calibration) -> npt.NDArray[np.float64]:
    """Return raw outputs float64[N] as probabilities: float64[N] of whole millionths, NaN where `raw` is."""
    return np.rint(np.interp(raw, by.raw, np.array(by.millionths, float)))


@lru_cache(maxsize=8)
def load(file: ModelFile) -> Classifier:
    """Load a classifier by its card, once a process.

    Raises
    ------
    ConfigError
        Card or weights are not there, damaged, or not those that were meant.
    """
    file.check()
    path = Path(file.path)
    card = read_card(path)
    weights = path.with_name(card.weights.file)
    found = sha256_of(weights)
    if found != card.weights.sha256:
        raise ConfigError(
            f"weights {weights}: sha256 {found[:12]}…, the card says {card.weights.sha256[:12]}…: the file was "
            "changed or only partly copied. Copy the whole folder again."
        )
    outputs = 1 if len(card.labels) == 2 else len(card.labels)
    return Classifier(card, read_weights(weights, card.features, outputs))
