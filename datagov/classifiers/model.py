"""A classifier ready to be asked: its card, its weights, and the scores of a batch as whole millionths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagov.classifiers.card import MILLION, Calibration, Card, NGrams, Tokens, read_card
from datagov.classifiers.fasttext_model import FastText, library, load_fasttext
from datagov.classifiers.linear import Linear, read_weights
from datagov.classifiers.tables import require_tables
from datagov.classifiers.tokens import token_lines
from datagov.errors import ConfigError, did_you_mean
from datagov.model_files import ModelFile, sha256_of
from datagov.text.batch import TextBatch
from datagov.text.normal import normalise

__all__ = ["Classifier", "calibrated", "in_form", "load", "probabilities"]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A card with the model it names."""

    card: Card
    model: Linear | FastText

    @property
    def library(self) -> str:
        """`NAME VERSION` of the library that computes the scores; empty where it is datagov itself."""
        return "" if isinstance(self.model, Linear) else library()

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
        """Return the raw outputs float64[N, K] of a batch, NaN where there are none; see `Card.calibration` for K."""
        reading = self.card.reading
        batch = in_form(batch, reading)
        if isinstance(self.model, Linear):
            assert isinstance(reading, NGrams)
            return self.model.margins(batch, reading)
        assert isinstance(reading, Tokens)
        wanted = reading.outputs
        if len(wanted) == 2:
            wanted = [wanted[self.card.labels.index(self.card.positive)]]
        return probabilities(self.model, batch, reading, wanted)

    def scores(self, batch: TextBatch, label: str) -> npt.NDArray[np.float64]:
        """Return the probability of a label for each text: float64[N] of whole millionths, NaN where undefined."""
        raw = self.raw(batch)
        if len(self.card.labels) > 2:
            return calibrated(raw[:, self.card.labels.index(label)], self.card.calibration[label])
        found = calibrated(raw[:, 0], self.card.calibration[self.card.positive])
        return found if label == self.card.positive else MILLION - found


def in_form(batch: TextBatch, reading: NGrams | Tokens) -> TextBatch:
    """Return a batch in the normal form in which texts are read; the one given where nothing changes."""
    if reading.form is None:
        return batch
    texts, changed = normalise(batch.texts, reading.form)
    return TextBatch(texts) if changed.any() else batch


def probabilities(
    model: FastText, batch: TextBatch, reading: Tokens, outputs: list[str]
) -> npt.NDArray[np.float64]:
    """Return fastText's probabilities float64[N, K] for texts, NaN for those of nothing but white space."""
    found = model.probabilities(token_lines(batch, reading), outputs)
    found[_blank(batch.texts)] = np.nan
    return found


def _blank(texts: pa.LargeStringArray) -> npt.NDArray[np.bool_]:
    return pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(texts)), 0).to_numpy(zero_copy_only=False)


def calibrated(raw: npt.NDArray[np.float64], by: Calibration) -> npt.NDArray[np.float64]:
    """Return raw outputs float64[N] as probabilities: float64[N] of whole millionths, NaN where `raw` is."""
    return np.rint(np.interp(raw, by.raw, np.array(by.millionths, float)))


@lru_cache(maxsize=8)
def load(file: ModelFile) -> Classifier:
    """Load a classifier by its card, once a process.

    Raises
    ------
    ConfigError
        Card or weights are not there, damaged, or not those that were meant; texts are cut otherwise here than when it
        was trained; or its library is not installed.
    """
    file.check()
    path = Path(file.path)
    card = read_card(path)
    require_tables(card)
    weights = path.with_name(card.weights.file)
    found = sha256_of(weights)
    if found != card.weights.sha256:
        raise ConfigError(
            f"weights {weights}: sha256 {found[:12]}…, the card says {card.weights.sha256[:12]}…: the file was "
            "changed or only partly copied. Copy the whole folder again."
        )
    if isinstance(card.reading, NGrams):
        return Classifier(card, read_weights(weights, 1 if len(card.labels) == 2 else len(card.labels)))
    model = load_fasttext(weights)
    for name in card.reading.outputs:
        if name not in model.outputs:
            raise ConfigError(
                f"classifier {path}: {weights.name} has no label {name!r}. {did_you_mean(name, model.outputs)}"
            )
    return Classifier(card, model)
