"""Rows as one tensor of token ids, and their statistics back in the places of their tokens."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from detectors.ragged import TokenBatch
from detectors.targets.token_statistics import TokenStatistics

__all__ = ["Collected", "LaidOut", "lay_out"]


class LaidOut(NamedTuple):
    """Some rows of a batch, and which of their tokens are scored: all but the first of each."""

    ids: torch.Tensor
    """int64[B, L]: a row each, padded on the right; packed, B is 1."""
    positions: torch.Tensor | None
    """int64[1, L] of packed rows: places that start again with every row."""
    before: torch.Tensor
    """int64[M]: places in the flattened `ids` before each scored token."""
    token_M: torch.Tensor
    """int64[M]: the scored tokens, row after row."""


def lay_out(
    windows: TokenBatch, rows: npt.NDArray[np.int64], *, packed: bool, device: torch.device
) -> LaidOut:
    """Return some rows of a batch, padded to the longest or laid end to end."""
    lengths = windows.lengths[rows]
    row_T = np.repeat(np.arange(len(rows)), lengths)
    within_T = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    ids_T = windows.token_ids[windows.offsets[rows][row_T] + within_T].astype(np.int64)
    positions = None
    if packed:
        ids, place_T = ids_T[None], np.arange(len(ids_T))
        positions = torch.from_numpy(within_T[None]).to(device)
    else:
        width = int(lengths.max())
        ids = np.zeros((len(rows), width), dtype=np.int64)
        ids[row_T, within_T] = ids_T
        place_T = row_T * width + within_T
    scored = within_T > 0
    return LaidOut(
        torch.from_numpy(ids).to(device),
        positions,
        torch.from_numpy(place_T[scored] - 1),
        torch.from_numpy(ids_T[scored]),
    )


class Collected:
    """The statistics of all rows, filled in batch by batch."""

    def __init__(self, tokens: int) -> None:
        self.logprob, self.entropy, self.variance, self.top1 = np.empty((4, tokens), dtype=np.float32)
        self.rank, self.top1_id = np.empty((2, tokens), dtype=np.int32)

    def put(
        self, statistics: TokenStatistics, offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
    ) -> None:
        """Put a batch's statistics, which are row after row, in their places."""
        lengths = offsets[rows + 1] - offsets[rows]
        within_T = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        place_T = np.repeat(offsets[rows], lengths) + within_T
        for name, values in zip(TokenStatistics._fields, statistics, strict=True):
            getattr(self, name)[place_T] = values.cpu().numpy()
