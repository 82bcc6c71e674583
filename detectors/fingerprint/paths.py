"""Greedy continuations of N forced tokens by S steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Paths"]


@dataclass(frozen=True)
class Paths:
    """What a model says after [context, seed], most probable token by most probable token."""

    seed_N: npt.NDArray[np.int32]
    """The forced tokens."""
    token_NS: npt.NDArray[np.int32]
    """-1 where a path was given up before this step."""
    logprob_NS: npt.NDArray[np.float32]
    """ln p of each token; NaN where a path was given up."""

    def __len__(self) -> int:
        return len(self.seed_N)

    @property
    def steps(self) -> int:
        """S."""
        return self.token_NS.shape[1]

    @classmethod
    def empty(cls, seed_N: npt.NDArray[np.int32], steps: int) -> Paths:
        """Return paths of which no step is known."""
        shape = (len(seed_N), steps)
        return cls(seed_N, np.full(shape, -1, np.int32), np.full(shape, np.nan, np.float32))

    def rows(self, chosen: npt.NDArray) -> Paths:
        """Return some of the paths, by mask or by row."""
        return Paths(self.seed_N[chosen], self.token_NS[chosen], self.logprob_NS[chosen])

    def first(self, steps: int) -> Paths:
        """Return the beginnings of the paths."""
        return Paths(self.seed_N, self.token_NS[:, :steps], self.logprob_NS[:, :steps])

    @classmethod
    def joined(cls, parts: Sequence[Paths]) -> Paths:
        """Return the paths of several parts, one after the other."""
        return cls(
            np.concatenate([part.seed_N for part in parts]),
            np.concatenate([part.token_NS for part in parts]),
            np.concatenate([part.logprob_NS for part in parts]),
        )
