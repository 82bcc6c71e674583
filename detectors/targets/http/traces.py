"""From an endpoint's checked answers to a trace."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import numpy as np

from detectors.ragged import TokenBatch, offsets_of
from detectors.targets.http.answers import Row
from detectors.targets.target import TargetFacts
from detectors.trace import TraceBatch, TraceOrigin

__all__ = ["trace_of"]


def trace_of(
    windows: TokenBatch, rows: Mapping[int, Row], facts: TargetFacts, statistics: frozenset[str], top: int
) -> TraceBatch:
    """Return the trace of windows from the answers for those of two tokens or more, by their place.

    Parameters
    ----------
    windows : TokenBatch
    rows : mapping from a window to its statistics
    facts : TargetFacts
    statistics : frozenset of str
        Those that the endpoint was found to give; one that an answer lacks is left out.
    top : int
        Alternatives that were asked for at each position.
    """
    counts = np.maximum(windows.lengths - 1, 0)
    kept = np.flatnonzero(counts)
    scored = [rows[index] for index in kept.tolist()]
    ranks = [row.rank for row in scored if row.rank is not None]
    tops = [row.top for row in scored if row.top is not None]
    has_rank = "rank" in statistics and len(ranks) == len(scored)
    has_top = "top_logprobs" in statistics and len(tops) == len(scored)
    top_TK = np.concatenate([np.empty((0, top), np.float32), *tops]) if has_top else None
    return TraceBatch(
        origin=TraceOrigin(
            target_digest=facts.digest,
            tokenizer_digest=facts.tokenizer_digest,
            engine=facts.engine,
            dtype=facts.dtype,
            start_token_id=facts.start_token_id,
            window_tokens=int(windows.lengths.max(initial=0)),
            window_policy="first",
        ),
        text_W=kept,
        texts=len(windows),
        offsets=offsets_of(counts[kept].tolist()),
        token_ids_T=np.fromiter(
            chain.from_iterable(windows.row(index)[1:] for index in kept.tolist()), np.int32
        ),
        logprob_T=np.concatenate([np.empty(0, np.float32), *(row.logprob for row in scored)]),
        rank_T=np.concatenate([np.empty(0, np.int32), *ranks]) if has_rank else None,
        top1_T=None if top_TK is None else top_TK[:, 0],
        top_TK=top_TK,
    )
