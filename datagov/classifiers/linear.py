"""Linear classifiers over hashed n-grams, weighed by TF-IDF: small, fast, and strong on short social text."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from datagov.classifiers.features import count_document, room, scanned
from datagov.errors import ConfigError
from datagov.text.kernel import kernel

if TYPE_CHECKING:
    from datagov.classifiers.card import Features
    from datagov.text.batch import TextBatch

__all__ = ["FREQUENCIES", "Linear", "read_weights", "write_weights"]

FREQUENCIES: Final = 256
"""Counts from here on weigh as much as the one before."""


@dataclass(frozen=True, eq=False)
class Linear:
    """Weights over the features of a document.

    A document's margins are `x @ weights / |x| + bias`, where x of a feature is `frequency[count] * rarity`.
    """

    weights: npt.NDArray[np.float32]
    """float32[2**bits, K]: K is 1 for two labels, and one a label for more."""
    rarity: npt.NDArray[np.float32]
    """float32[2**bits]: inverse document frequency of the features."""
    bias: npt.NDArray[np.float64]
    """float64[K]."""
    frequency: npt.NDArray[np.float64]
    """float64[FREQUENCIES]: what a count weighs, 1 + ln(count); stored, since logarithms differ by library."""

    def margins(self, batch: TextBatch, features: Features) -> npt.NDArray[np.float64]:
        """Return the margins float64[N, K] of a batch; NaN for a text of nothing but white space."""
        found = np.empty((batch.n, len(self.bias)))
        _margins(
            *scanned(batch, features),
            room(batch),
            self.weights,
            self.rarity,
            self.bias,
            self.frequency,
            found,
        )
        return found


@kernel
def _margins(
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    kind: npt.NDArray[np.uint8],
    lower: npt.NDArray[np.uint32],
    word_start: npt.NDArray[np.int32],
    word_end: npt.NDArray[np.int32],
    word_offsets: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    text: npt.NDArray[np.uint32],
    weights: npt.NDArray[np.float32],
    rarity: npt.NDArray[np.float32],
    bias: npt.NDArray[np.float64],
    frequency: npt.NDArray[np.float64],
    margins: npt.NDArray[np.float64],
) -> None:
    """Fill `margins` float64[N, K]."""
    counts = np.zeros(rarity.size, np.uint32)
    seen = np.empty(rarity.size, np.int32)
    last = np.uint32(frequency.size - 1)
    sums = np.empty(bias.size)
    for d in range(offsets.size - 1):
        found = count_document(
            points,
            classes,
            offsets,
            kind,
            lower,
            word_start,
            word_end,
            word_offsets,
            sizes,
            d,
            text,
            counts,
            seen,
        )
        squares = 0.0
        sums[:] = 0.0
        for i in range(found):
            place = seen[i]
            value = frequency[min(counts[place], last)] * rarity[place]
            counts[place] = 0
            squares += value * value
            for k in range(bias.size):
                sums[k] += value * weights[place, k]
        if found == 0:
            margins[d, :] = np.nan
        elif squares == 0.0:  # nothing of it was seen in training
            margins[d, :] = bias
        else:
            length = np.sqrt(squares)
            for k in range(bias.size):
                margins[d, k] = sums[k] / length + bias[k]


def write_weights(path: Path, linear: Linear) -> None:
    """Write weights as a compressed npz file, the same bytes for the same weights."""
    np.savez_compressed(
        path,
        weights=linear.weights,
        rarity=linear.rarity,
        bias=linear.bias,
        frequency=linear.frequency,
    )


def read_weights(path: Path, features: Features, outputs: int) -> Linear:
    """Read weights that fit a card.

    Raises
    ------
    ConfigError
        The file is damaged, or has arrays of other names, types or shapes.
    """
    places = 1 << features.bits
    wanted = {
        "weights": (np.float32, (places, outputs)),
        "rarity": (np.float32, (places,)),
        "bias": (np.float64, (outputs,)),
        "frequency": (np.float64, (FREQUENCIES,)),
    }
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            found = {name: np.ascontiguousarray(stored[name]) for name in wanted}
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ConfigError(f"weights {path}: damaged, or not of a linear classifier ({error}).") from error
    for name, (kind, shape) in wanted.items():
        array = found[name]
        if array.dtype != kind or array.shape != shape or not np.isfinite(array).all():
            raise ConfigError(
                f"weights {path}: {name} is {array.dtype}{list(array.shape)}, expected finite "
                f"{np.dtype(kind)}{list(shape)}: the card is of another model."
            )
    return Linear(**found)
