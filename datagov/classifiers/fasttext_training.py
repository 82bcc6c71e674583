"""Fitting fastText classifiers over lines of tokens, cut as scoring will cut them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from datagov.classifiers.card import Tokens
from datagov.classifiers.fasttext_model import FastText, train_fasttext
from datagov.classifiers.tokens import LABEL, token_lines
from datagov.text.batch import TextBatch

__all__ = ["FastTextSettings", "FastTextTrainer"]


@dataclass(frozen=True)
class FastTextSettings:
    """fastText's own options, by its names; its defaults where nothing is said."""

    dim: int = 100
    epoch: int = 5
    lr: float = 0.1
    wordNgrams: int = 2
    minCount: int = 1
    minn: int = 0
    maxn: int = 0
    bucket: int = 2_000_000
    seed: int = 0


class FastTextTrainer:
    """The tokens of all documents, cut once; fitted on any of them."""

    def __init__(self, batch: TextBatch, reading: Tokens, settings: FastTextSettings, labels: int) -> None:
        self.settings = settings
        self._wanted = [f"{LABEL}{at}" for at in ([1] if labels == 2 else range(labels))]
        self._lines = np.array(token_lines(batch, reading), object)

    def fit(self, rows: npt.NDArray[np.int64], label: npt.NDArray[np.int64]) -> FastText:
        """Fit on some documents; see `LinearTrainer.fit`."""
        return train_fasttext(self._lines[rows].tolist(), label, asdict(self.settings))

    def raw(self, model: FastText, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the probabilities float64[M, K] of some documents: of label 1 alone where there are two."""
        return model.probabilities(self._lines[rows].tolist(), self._wanted)
