"""Rows of token ids of different lengths, in one array."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["TokenBatch", "offsets_of"]


@dataclass(frozen=True)
class TokenBatch:
    """Token ids of N rows, laid end to end.

    A row holds what is sent to the model, its start token included; nothing is added on the way.
    """

    offsets: npt.NDArray[np.int64]
    """Shape (N+1,); row r is `token_ids[offsets[r]:offsets[r+1]]`."""
    token_ids: npt.NDArray[np.int32]
    """Shape (T,)."""

    @classmethod
    def of(cls, rows: Sequence[Sequence[int] | npt.NDArray[np.int32]]) -> TokenBatch:
        """Return the batch of the given rows."""
        offsets = offsets_of(len(row) for row in rows)
        token_ids = np.empty(int(offsets[-1]), dtype=np.int32)
        for index, row in enumerate(rows):
            token_ids[offsets[index] : offsets[index + 1]] = row
        return cls(offsets, token_ids)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each row, shape (N,)."""
        return np.diff(self.offsets)

    def part(self, start: int, stop: int) -> TokenBatch:
        """Return the rows `[start, stop)` as a batch of their own; ids are a view."""
        low, high = self.offsets[start], self.offsets[stop]
        return TokenBatch(self.offsets[start : stop + 1] - low, self.token_ids[low:high])

    def row(self, index: int) -> npt.NDArray[np.int32]:
        """Return the token ids of one row; a view."""
        return self.token_ids[self.offsets[index] : self.offsets[index + 1]]


def offsets_of(lengths: Iterable[int]) -> npt.NDArray[np.int64]:
    """Return where each row starts and the last one ends, shape (N+1,)."""
    values = np.fromiter(lengths, dtype=np.int64)
    offsets = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=offsets[1:])
    return offsets
