"""What no model says of a prompt, refused before it becomes a number in a trace."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datagov.errors import TargetMisaligned, TargetRefused
from detectors.targets.http.wire import Scored

__all__ = ["Row", "checked"]

FLOOR = -9999.0
"""What engines write for minus infinity, and for values they do not have."""
SLACK = 1e-3
"""A log-probability above 0 by no more than this is rounding, and 0."""
FEW = 4
"""So many zeros, and nothing else, are not a model that is certain of every token."""
DO = "run `datagov detect target check` on the endpoint"


@dataclass(frozen=True)
class Row:
    """The statistics of one prompt of n tokens, from its second token on."""

    logprob: npt.NDArray[np.float32]
    """Shape (n-1,)."""
    rank: npt.NDArray[np.int32] | None
    top: npt.NDArray[np.float32] | None
    """Shape (n-1, K), descending, NaN after the last that was given."""


def checked(scored: Scored, ids: Sequence[int], *, top: int, where: str) -> Row:
    """Return what an endpoint said of a prompt, if a model can have said it.

    Parameters
    ----------
    scored : Scored
        The answer.
    ids : sequence of int
        The prompt that was sent, n >= 1 ids.
    top : int
        K, alternatives that were asked for.
    where : str
        Names the endpoint in messages.

    Raises
    ------
    TargetRefused
        The endpoint has no log-probabilities for prompts: all are null.
    TargetMisaligned
        There are as many as they should not be, a first token has one, or they are NaN, positive, all 0, or -9999.
    """
    if len(scored.logprobs) != len(ids):
        raise TargetMisaligned(
            f"{where}: {len(ids)} ids were sent, the answer has {len(scored.logprobs)} log-probabilities: it adds or cuts "
            f"tokens; {DO}"
        )
    if scored.ids is not None and list(scored.ids) != list(ids):
        at = next(n for n, (mine, its) in enumerate(zip(ids, scored.ids, strict=True)) if mine != its)
        raise TargetMisaligned(
            f"{where}: the answer is about other tokens than those sent, from position {at} on (sent {ids[at]}, answered "
            f"{scored.ids[at]}): another tokenizer, or a start token that is added or dropped"
        )
    first, rest = scored.logprobs[0], scored.logprobs[1:]
    if rest and all(value is None for value in rest):
        raise TargetRefused(
            f"{where}: the log-probabilities of the prompt are null: this endpoint does not compute them. Serve the "
            "model with an engine that does, such as vLLM, or use methods that only read continuations"
        )
    if first is not None:
        raise TargetMisaligned(
            f"{where}: the first token has a log-probability ({first}) with nothing before it: the values are shifted, "
            f"or a start token was added; {DO}"
        )
    logprob = _numbers(rest, where)
    if len(logprob) >= FEW and not logprob.astype(np.float32).any():
        raise TargetMisaligned(
            f"{where}: all {len(logprob)} log-probabilities of the prompt are 0, that is, every token is certain: the "
            f"endpoint does not compute them; {DO}"
        )
    rank = scored.ranks
    return Row(
        logprob=np.minimum(logprob, 0).astype(np.float32),
        rank=None if rank is None or any(value is None for value in rank[1:]) else _ranks(rank[1:], where),
        top=None if scored.tops is None or not top else _tops(scored.tops[1:], top, where),
    )


def _numbers(values: Sequence[float | None], where: str) -> npt.NDArray[np.float64]:
    for at, value in enumerate(values, start=1):
        if isinstance(value, bool) or not isinstance(value, float | int):
            problem = f"is {value!r}"
        elif math.isnan(value):
            problem = "is NaN"
        elif value > SLACK:
            problem = f"is {value}, above 0"
        elif value <= FLOOR:
            problem = f"is {value}, which engines write where they have none"
        else:
            continue
        raise TargetMisaligned(
            f"{where}: the log-probability at position {at} {problem}; nothing of this answer is used; {DO}"
        )
    return np.array(values, dtype=np.float64)


def _ranks(ranks: Sequence[int | None], where: str) -> npt.NDArray[np.int32]:
    if any(not isinstance(rank, int) or rank < 0 for rank in ranks):
        raise TargetMisaligned(f"{where}: a token's rank is below that of the most probable token; {DO}")
    return np.array(ranks, dtype=np.int32)


def _tops(tops: Sequence[Sequence[float]], top: int, where: str) -> npt.NDArray[np.float32]:
    table = np.full((len(tops), top), np.nan, dtype=np.float32)
    for at, values in enumerate(tops):
        kept = sorted(_numbers(values, where), reverse=True)[:top]
        table[at, : len(kept)] = np.minimum(kept, 0)
    mass = np.exp(np.nan_to_num(table.astype(np.float64), nan=-np.inf)).sum(axis=1)
    if len(mass) and mass.max() > 1 + SLACK * top:
        raise TargetMisaligned(
            f"{where}: the {top} most probable tokens have a probability of {mass.max():.4f} together, above 1: these are "
            f"not log-probabilities of one distribution; {DO}"
        )
    return table
