"""Linear classifiers over hashed n-grams, weighed by TF-IDF: small, fast, and strong on short social text."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from datagov.classifiers.features import Table, count_document, room, scanned, table_of
from datagov.errors import ConfigError
from datagov.text.kernel import kernel

if TYPE_CHECKING:
    from datagov.classifiers.card import NGrams
    from datagov.text.batch import TextBatch

__all__ = ["FREQUENCIES", "Linear", "read_weights", "write_weights"]

FREQUENCIES: Final = 256
"""Counts from here on weigh as much as the one before."""


@dataclass(frozen=True, eq=False)
class Linear:
    """Weights over the F features that training kept; all other n-grams of a text are passed over.

    A document's margins are `x @ weights / |x| + bias`, where x of a feature is `frequency[count] * rarity`.
    """

    keys: npt.NDArray[np.uint64]
    """uint64[F]: hashes of the features, none of them twice. With an n-gram, its beginnings of the sizes weighed are
    features too; the longer one is not found otherwise."""
    weights: npt.NDArray[np.float32]
    """float32[F, K]: K is 1 for two labels, and one a label for more."""
    rarity: npt.NDArray[np.float32]
    """float32[F]: inverse document frequency of the features."""
    bias: npt.NDArray[np.float64]
    """float64[K]."""
    frequency: npt.NDArray[np.float64]
    """float64[FREQUENCIES]: what a count weighs, 1 + ln(count); stored, since logarithms differ by library."""

    @cached_property
    def table(self) -> Table:
        """Where each key is found."""
        return table_of(self.keys)

    def margins(self, batch: TextBatch, features: NGrams) -> npt.NDArray[np.float64]:
        """Return the margins float64[N, K] of a batch; NaN for a text of nothing but white space."""
        found = np.empty((batch.n, len(self.bias)))
        _margins(
            *scanned(batch, features),
            room(batch),
            self.table,
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
    table: npt.NDArray[np.uint64],
    weights: npt.NDArray[np.float32],
    rarity: npt.NDArray[np.float32],
    bias: npt.NDArray[np.float64],
    frequency: npt.NDArray[np.float64],
    margins: npt.NDArray[np.float64],
) -> None:
    """Fill `margins` float64[N, K]."""
    counts = np.zeros(rarity.size, np.uint32)
    seen = np.empty(rarity.size, np.int32)
    unlisted = np.empty(0, np.uint64)
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
            table,
            counts,
            seen,
            unlisted,
        )
        squares = 0.0
        sums[:] = 0.0
        for i in range(found):
            feature = seen[i]
            value = frequency[min(counts[feature], last)] * rarity[feature]
            counts[feature] = 0
            squares += value * value
            for k in range(bias.size):
                sums[k] += value * weights[feature, k]
        length = np.sqrt(squares) if squares > 0.0 else 1.0
        for k in range(bias.size):
            margins[d, k] = np.nan if found < 0 else sums[k] / length + bias[k]


def write_weights(path: Path, linear: Linear) -> None:
    """Write weights as a compressed npz file, the same bytes for the same weights."""
    arrays = {field.name: getattr(linear, field.name) for field in fields(linear)}
    np.savez_compressed(path, **arrays)


def read_weights(path: Path, outputs: int) -> Linear:
    """Read weights of K outputs.

    Raises
    ------
    ConfigError
        The file is damaged, or has arrays of other names, types or shapes.
    """
    kinds = {
        "keys": (np.uint64, 1),
        "weights": (np.float32, 2),
        "rarity": (np.float32, 1),
        "bias": (np.float64, 1),
        "frequency": (np.float64, 1),
    }
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            found = {name: np.ascontiguousarray(stored[name]) for name in kinds}
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ConfigError(f"weights {path}: damaged, or not of a linear classifier ({error}).") from error
    shapes = {
        "keys": found["keys"].shape,
        "weights": (*found["keys"].shape, outputs),
        "rarity": found["keys"].shape,
        "bias": (outputs,),
        "frequency": (FREQUENCIES,),
    }
    for name, array in found.items():
        kind, dimensions = kinds[name]
        if array.dtype != kind or array.ndim != dimensions or array.shape != shapes[name]:
            raise ConfigError(
                f"weights {path}: {name} is {array.dtype}{list(array.shape)}, expected "
                f"{np.dtype(kind)}{list(shapes[name])}: the card is of another model."
            )
        if not np.isfinite(array).all():
            raise ConfigError(f"weights {path}: {name} holds values that are no numbers.")
    if len(np.unique(found["keys"])) < len(found["keys"]):
        raise ConfigError(f"weights {path}: a key stands there twice.")
    return Linear(**found)
