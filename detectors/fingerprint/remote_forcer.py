"""Continuations asked of an endpoint: in batches that it takes, several at once, within a budget."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError, TargetRefused
from detectors.fingerprint.contexts import Context
from detectors.fingerprint.paths import Paths
from detectors.ragged import TokenBatch
from detectors.targets.http.budget import Budget
from detectors.targets.http.target import HttpTarget

__all__ = ["RemoteForcer"]

MOST_PROMPTS: Final = 512
"""Prompts of a request that are tried first; halved while the endpoint refuses."""


class RemoteForcer:
    """Continuations after one context, asked of an endpoint."""

    def __init__(self, target: HttpTarget, context: Context, budget: Budget) -> None:
        self._target, self._context, self._budget = target, context, budget
        self.batch = MOST_PROMPTS

    def extend(self, seed_N: npt.NDArray[np.int32], steps: int) -> Paths:
        """Continue each seed by `steps` tokens.

        Raises
        ------
        TargetError
            The endpoint refuses, is not there, or gives no log-probabilities of what it generates.
        PartialRun
            The budget is spent.
        """
        parts = [Paths.empty(seed_N[:0], steps)]
        start = 0
        while start < len(seed_N):
            rows = seed_N[start : start + self.batch * self._target.concurrency]
            self._budget.spend(
                -(-len(rows) // self.batch), len(rows) * (len(self._context.token_ids) + 1 + steps)
            )
            try:
                parts.append(self._ask(rows, steps))
            except TargetRefused:
                if self.batch == 1:
                    raise
                self.batch //= 2
                continue
            start += len(rows)
        return Paths.joined(parts)

    def _ask(self, seed_B: npt.NDArray[np.int32], steps: int) -> Paths:
        prompts = TokenBatch.of([[*self._context.token_ids, int(seed)] for seed in seed_B])
        made = self._target.with_batch(self.batch).force(prompts, steps)
        ended = made.token_ids_NS < 0
        if np.isnan(made.logprob_NS[~ended]).any():
            raise ConfigError(
                f"{self._target.where}: gives no log-probabilities of what it generates, so that nothing can be ranked: not testable"
            )
        last_NS = np.maximum.accumulate(np.where(ended, -1, np.arange(steps)), axis=1)
        filled = np.take_along_axis(made.token_ids_NS, np.maximum(last_NS, 0), axis=1)
        return Paths(
            seed_B, filled.astype(np.int32), np.where(ended, 0.0, made.logprob_NS).astype(np.float32)
        )
