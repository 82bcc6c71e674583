"""Fitting the weights of linear classifiers with scikit-learn, over the features that scoring counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from datagov.classifiers.card import NGrams
from datagov.classifiers.features import feature_keys
from datagov.classifiers.linear import FREQUENCIES, Linear
from datagov.errors import InputError
from datagov.extras import load
from datagov.text.batch import TextBatch

__all__ = ["FREQUENCY", "LinearSettings", "LinearTrainer"]

FREQUENCY = np.concatenate([[0.0], 1 + np.log(np.arange(1, FREQUENCIES))])
"""float64[FREQUENCIES]: what a count weighs; sublinear, as scikit-learn's `sublinear_tf`."""


@dataclass(frozen=True)
class LinearSettings:
    """How a linear classifier is fitted."""

    min_documents: int = 2
    """Features of fewer training documents weigh nothing."""
    smoothing: float | None = 3.0
    """Features are weighed by the log-ratio of their frequencies in the label's documents and in the others, smoothed
    by this much; None weighs none."""
    cost: float = 3.0
    """Inverse of the strength of L2 regularisation, scikit-learn's C."""
    balanced: bool = True
    """Documents of rarer labels weigh more, so that each label weighs the same."""


class LinearTrainer:
    """The features of all documents, counted once; fitted on any of them.

    Source
    ------
    Wang and Manning 2012, "Baselines and Bigrams", for the log-count ratio; we keep TF-IDF and the length of one under
    it, and logistic regression over it.
    """

    def __init__(self, batch: TextBatch, features: NGrams, settings: LinearSettings, labels: int) -> None:
        self.settings = settings
        self._targets = [1] if labels == 2 else list(range(labels))
        keys, offsets = feature_keys(batch, features)
        self._keys, column = np.unique(keys, return_inverse=True)
        csr = load("scipy", expected=None, module="scipy.sparse").csr_matrix
        self._counts = csr((np.ones(len(keys)), column, offsets), shape=(batch.n, len(self._keys)))
        self._counts.sum_duplicates()

    def fit(self, rows: npt.NDArray[np.int64], label: npt.NDArray[np.int64]) -> Linear:
        """Fit on some documents.

        Parameters
        ----------
        rows : int64[M]
            The documents.
        label : int64[M]
            Theirs. Of two labels, 1 is the positive one.

        Raises
        ------
        InputError
            No feature is in as many documents as are asked for.
        """
        counts = self._counts[rows]
        documents = np.bincount(counts.indices, minlength=counts.shape[1])
        kept = np.flatnonzero(documents >= self.settings.min_documents)
        # The most frequent first: what is asked for most often lies close together.
        kept = kept[np.argsort(-documents[kept], kind="stable")]
        if not len(kept):
            raise InputError(
                f"no n-gram stands in {self.settings.min_documents} of the {len(rows)} documents: too few, or too short, "
                "to train on."
            )
        counts, documents = counts[:, kept], documents[kept]
        rarity = (np.log((1 + len(rows)) / (1 + documents)) + 1).astype(np.float32)
        weighed = _weighed(counts, rarity)
        columns = [self._column(counts, weighed, label == target) for target in self._targets]
        weights = np.stack([weight for weight, _ in columns], axis=1).astype(np.float32)
        return Linear(self._keys[kept], weights, rarity, np.array([bias for _, bias in columns]), FREQUENCY)

    def raw(self, linear: Linear, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the margins float64[M, K] of some documents, as `Linear.margins` does."""
        counts = self._counts[rows][:, np.searchsorted(self._keys, linear.keys)]
        return np.asarray(_weighed(counts, linear.rarity) @ linear.weights.astype(np.float64)) + linear.bias

    def _column(
        self, counts: Any, weighed: Any, positive: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float64], float]:
        """Return the weights float64[F] and the bias of one label against the others."""
        ratio = np.ones(counts.shape[1])
        if self.settings.smoothing is not None:
            inside, outside = (
                np.bincount(counts[chosen].indices, minlength=counts.shape[1]) + self.settings.smoothing
                for chosen in (positive, ~positive)
            )
            ratio = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
        scaled = weighed.copy()
        scaled.data *= ratio[scaled.indices]
        model = load("scikit-learn", expected=None, module="sklearn.linear_model").LogisticRegression(
            C=self.settings.cost,
            class_weight="balanced" if self.settings.balanced else None,
            solver="liblinear",
            random_state=0,
        )
        model.fit(scaled, positive)
        return model.coef_[0] * ratio, float(model.intercept_[0])


def _weighed(counts: Any, rarity: npt.NDArray[np.float32]) -> Any:
    """Return features as they are weighed: TF-IDF of length one."""
    found = counts.copy()
    at = np.minimum(counts.data, FREQUENCIES - 1).astype(np.int64)
    found.data = FREQUENCY[at] * rarity[counts.indices]
    return load("scikit-learn", expected=None, module="sklearn.preprocessing").normalize(found, copy=False)
