"""How far two computations of one log-probability lie apart on a target, seen by computing some twice."""

from __future__ import annotations

import numpy as np

from detectors.ragged import TokenBatch
from detectors.targets.target import Target

__all__ = ["measured_tolerance"]

PROBES = 6
LENGTHS = (3, 60)
"""Shortest and longest probe."""


def measured_tolerance(target: Target) -> float:
    """Return the largest difference, in nats, between windows traced alone and in one batch.

    The windows are pseudo-random token ids, the same for every target of a vocabulary size: improbable tokens have
    the largest logits to cancel, so text differs less.
    """
    generator = np.random.default_rng(0)
    most = min(LENGTHS[1], target.capabilities.context_tokens or LENGTHS[1])
    lengths = np.linspace(min(LENGTHS[0], most), most, PROBES).astype(int)
    rows = [
        generator.integers(target.facts.vocabulary_size, size=length).astype(np.int32) for length in lengths
    ]
    together = target.trace(TokenBatch.of(rows)).logprob_T
    alone = np.concatenate([target.trace(TokenBatch.of([row])).logprob_T for row in rows])
    return float(np.abs(together - alone).max(initial=0.0))
