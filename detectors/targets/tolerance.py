"""How far two computations of one log-probability lie apart on a target, seen by computing some in several ways."""

from __future__ import annotations

import numpy as np

from datagov.errors import TargetError
from detectors.ragged import TokenBatch
from detectors.targets.target import Capabilities, Target, TargetFacts

__all__ = ["measured_tolerance", "refuse_mixed_rows", "remark_on", "tokens_to_measure"]

SHORTEST, LONGEST = 3, 256
"""Tokens of a probe; sums over a context are taken in other pieces when it is long."""
WORK = {"cuda": 10**13, "cpu": 3 * 10**9}
"""Tokens times parameters that are traced twice: well below a second in fp32, for most models."""
LEAST = 128
MOST = {"cuda": 4096, "cpu": 1024}
"""Tokens."""
FP32_NATS = 1e-4
"""Difference that fp32 is expected to keep, and keeps for small models; see docs/decisions/0029."""

APART, LEAST_NATS = 100.0, 1e-6
"""Packed rows are not kept apart if they differ so many times as much as padded ones, of which the last bits may differ."""


def measured_tolerance(target: Target, *, tokens: int, context: int | None) -> float:
    """Return the largest difference seen, in nats, between windows traced one by one and together.

    The windows are pseudo-random token ids, the same for every target of a vocabulary size and context: improbable tokens
    have the largest logits to cancel, so text differs less. Of more tokens the largest difference lies higher.

    Parameters
    ----------
    target : Target
    tokens : int
        How many are traced one by one, and again together in another order.
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
        generator.integers(target.facts.vocabulary_size, size=length).astype(np.int32) for length in lengths
    ]
    alone = [target.trace(TokenBatch.of([row])).logprob_T for row in rows]
    order = generator.permutation(len(rows))
    together = target.trace(TokenBatch.of([rows[place] for place in order])).logprob_T
    return float(np.abs(together - np.concatenate([alone[place] for place in order])).max(initial=0.0))


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


def refuse_mixed_rows(facts: TargetFacts, packed: float, padded: float) -> None:
    """Refuse packed rows that change each other's numbers, by the tolerances of both layouts in nats.

    Raises
    ------
    TargetError
        They do: the architecture takes no notice of where a row begins.
    """
    if packed > APART * max(padded, LEAST_NATS):
        raise TargetError(
            f"{facts.name}: packed rows change each other's numbers, by up to {packed:.2g} nats, as this architecture does not "
            "keep them apart; use --layout padded"
        )


def remark_on(facts: TargetFacts, capabilities: Capabilities) -> str | None:
    """Return what a person should know of a target in fp32 whose numbers depend on the batch more than fp32 is expected to."""
    if facts.dtype != "float32" or capabilities.tolerance_nats <= FP32_NATS:
        return None
    return (
        f"{facts.name}: in fp32 its log-probabilities differ by up to {capabilities.tolerance_nats:.2g} nats with what shares a batch, "
        f"above {FP32_NATS:g}; --dtype float64 gives the same numbers in every batch"
    )
