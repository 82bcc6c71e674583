"""How far two computations of one log-probability lie apart on a target, seen by computing some in several ways."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.ragged import TokenBatch
from detectors.targets.target import Capabilities, Target, TargetFacts

__all__ = ["measured_tolerance", "remark_on", "tokens_to_measure"]

SHORTEST, LONGEST = 3, 256
"""Tokens of a probe; sums over a context are taken in other pieces when it is long."""
WORK = {"cuda": 10**13, "cpu": 3 * 10**9}
"""Tokens times parameters that are traced in each way: well below a second in fp32, for most models."""
LEAST = 128
MOST = {"cuda": 4096, "cpu": 1024}
"""Tokens."""
FP32_NATS = 1e-4
"""Difference that fp32 is expected to keep, and keeps for small models; see docs/decisions/0029."""


def measured_tolerance(ways: Sequence[Target], *, tokens: int, context: int | None) -> float:
    """Return the largest difference seen, in nats, between windows traced one by one and together.

    The windows are pseudo-random token ids, the same for every target of a vocabulary size and context: improbable tokens
    have the largest logits to cancel, so text differs less. Of more tokens the largest difference lies higher.

    Parameters
    ----------
    ways : sequence of Target
        One model, laid out in different ways. The first traces the windows one by one, each traces them together, in
        an order of its own.
    tokens : int
        How many are traced one by one, and again in each way.
    context : int or None
        Most tokens of a window.
    """
    generator = np.random.default_rng(0)
    longest = max(min(LONGEST, context or LONGEST, tokens // 2), 1)
    lengths: list[int] = []
    while sum(lengths) < tokens:
        share = (1, 4, 2, longest)[len(lengths) % 4]
        lengths.append(min(max(longest // share, SHORTEST), longest, tokens - sum(lengths)))
    rows = [
        generator.integers(ways[0].facts.vocabulary_size, size=length).astype(np.int32) for length in lengths
    ]
    alone = [ways[0].trace(TokenBatch.of([row])).logprob_T for row in rows]
    most = 0.0
    for way in ways:
        order = generator.permutation(len(rows))
        together = way.trace(TokenBatch.of([rows[place] for place in order])).logprob_T
        apart = np.abs(together - np.concatenate([alone[place] for place in order]))
        most = max(most, float(apart.max(initial=0.0)))
    return most


def tokens_to_measure(parameters: int, device: str) -> int:
    """Return how many tokens of a checkpoint are worth tracing before anything is asked.

    Parameters
    ----------
    parameters : int
        Of the model.
    device : str
        Kind of the device it is computed on, e.g. `cuda`.
    """
    kind = "cuda" if device == "cuda" else "cpu"
    return min(max(WORK[kind] // max(parameters, 1), LEAST), MOST[kind])


def remark_on(facts: TargetFacts, capabilities: Capabilities) -> str | None:
    """Return what a person should know of a target in fp32 whose numbers depend on the batch more than fp32 is expected to."""
    if facts.dtype != "float32" or capabilities.tolerance_nats <= FP32_NATS:
        return None
    return (
        f"{facts.name}: in fp32 its log-probabilities differ by up to {capabilities.tolerance_nats:.2g} nats with what shares a batch, "
        f"above {FP32_NATS:g}; --dtype float64 gives the same numbers in every batch"
    )
