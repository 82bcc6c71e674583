"""A test of a set of documents by several methods at once, in the way of dataset inference.

Weights of the methods are fitted on some documents and the mix is tested on others. Every method is oriented, higher =
member, so weights are held at or above 0: the mix cannot turn a method against itself to fit noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datagov.errors import InputError

__all__ = ["MixtureTest", "mixture_test"]

FOLDS = 5
PERMUTATIONS = 999
FEWEST = 10
CLIP = 0.025
"""Share of the training documents' values cut off at either end."""
RIDGE = 0.1


@dataclass(frozen=True)
class MixtureTest:
    """One-sided test of the mix; exact under exchangeability, for each permutation fits its weights anew."""

    methods: tuple[str, ...]
    weights: tuple[float, ...]
    """Mean weight over folds of each method, in standard deviations of the training documents."""
    auroc: float
    """Mean over folds, each with weights fitted on the others."""
    p_value: float
    permutations: int
    suspects: int
    non_members: int


def mixture_test(
    suspects: npt.NDArray[np.float64],
    non_members: npt.NDArray[np.float64],
    methods: tuple[str, ...],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> MixtureTest:
    """Test whether the suspects score above the non-members in a mix of methods.

    Parameters
    ----------
    suspects, non_members : float64[n1, M], float64[n0, M]
        Scores by M methods, higher = member, one row a document, none undefined.
    methods : tuple of str, length M
        Their names.
    permutations : int
        Of the documents' labels; the folds stay.
    seed : int
        Of folds and permutations.

    Raises
    ------
    InputError
        A side has fewer than ten documents.

    Source: Maini et al. 2024, LLM Dataset Inference. There one split, unbounded weights, clipping and scaling by all
    documents, and Student's test; here cross-fitting, and a permutation of the whole procedure.
    """
    if min(len(suspects), len(non_members)) < FEWEST:
        raise InputError(
            f"a mix of methods is fitted on some documents and tested on others: give at least {FEWEST} suspects and "
            f"{FEWEST} non-members with all scores; there are {len(suspects)} and {len(non_members)}"
        )
    values = np.concatenate([suspects, non_members])
    labels = np.arange(len(values)) < len(suspects)
    generator = np.random.default_rng(seed)
    fold = generator.permutation(np.arange(len(values)) % FOLDS)
    labels = np.array([labels, *(generator.permutation(labels) for _ in range(permutations))])
    areas, weights = np.zeros(len(labels)), np.zeros(len(methods))
    for held in range(FOLDS):
        fold_areas, fold_weights = _held_out(
            _prepare(values, fold == held), labels[:, fold != held], labels[:, fold == held]
        )
        areas += fold_areas / FOLDS
        weights += fold_weights[0] / FOLDS
    return MixtureTest(
        methods=methods,
        weights=tuple(weights.tolist()),
        auroc=float(areas[0]),
        p_value=(1 + int((areas[1:] >= areas[0] - 1e-12).sum())) / (permutations + 1),
        permutations=permutations,
        suspects=len(suspects),
        non_members=len(non_members),
    )


@dataclass(frozen=True)
class _Fold:
    train: npt.NDArray[np.float64]
    test: npt.NDArray[np.float64]
    root: npt.NDArray[np.float64]
    """Lower Cholesky factor of the training documents' covariance, with a ridge."""


def _prepare(values: npt.NDArray[np.float64], held: npt.NDArray[np.bool_]) -> _Fold:
    """Clip and scale by the training documents alone, whatever their labels."""
    train = values[~held]
    low, high = np.quantile(train, [CLIP, 1 - CLIP], axis=0)
    clipped = np.clip(train, low, high)
    centre, spread = clipped.mean(axis=0), clipped.std(axis=0)
    spread[spread == 0] = 1.0
    scaled = (clipped - centre) / spread
    covariance = scaled.T @ scaled / len(scaled) + RIDGE * np.eye(values.shape[1])
    return _Fold(scaled, (np.clip(values[held], low, high) - centre) / spread, np.linalg.cholesky(covariance))


def _held_out(
    part: _Fold, train_labels: npt.NDArray[np.bool_], test_labels: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return, for each row of labels, the AUROC of the held-out documents and the weights fitted on the others.

    Where all held-out documents are of one kind the AUROC is one half, for they tell nothing.
    """
    from scipy.optimize import nnls  # noqa: PLC0415 - loaded where a fit is needed
    from scipy.stats import rankdata  # noqa: PLC0415 - the same

    of_suspects = train_labels / np.maximum(train_labels.sum(axis=1, keepdims=True), 1)
    of_others = ~train_labels / np.maximum((~train_labels).sum(axis=1, keepdims=True), 1)
    differences = (of_suspects - of_others) @ part.train
    # Least w' S w / 2 - w' d over w >= 0, S = L L': the non-negative least squares |L' w - L^-1 d|.
    sides = np.linalg.solve(part.root, differences.T).T
    weights = np.array([nnls(part.root.T, side)[0] for side in sides])
    ranks = rankdata(np.round(weights @ part.test.T, 12), axis=1)
    suspects = test_labels.sum(axis=1)
    pairs = suspects * (test_labels.shape[1] - suspects)
    above = (ranks * test_labels).sum(axis=1) - suspects * (suspects + 1) / 2
    return np.where(pairs > 0, above / np.maximum(pairs, 1), 0.5), weights
