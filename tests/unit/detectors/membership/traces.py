"""Small traces for the tests of methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from detectors.membership.method import Inputs
from detectors.membership.token_frequency import FrequencyTable
from detectors.ragged import TokenBatch, offsets_of
from detectors.trace import TraceBatch, TraceOrigin

ORIGIN = TraceOrigin("m1", "t1", "transformers 5", "float32", 0, 512, "first")
UNSTARTED = TraceOrigin("m1", "t1", "transformers 5", "float32", None, 512, "first")


def trace_of(
    rows: Sequence[Sequence[float]], *, origin: TraceOrigin = ORIGIN, **statistics: Any
) -> TraceBatch:
    """Lay out rows of log-probabilities; statistics (`token_ids`, `entropy`, ...) are rows of the same lengths."""
    offsets = offsets_of(len(row) for row in rows)
    flat = {name: np.concatenate([np.asarray(row) for row in given]) for name, given in statistics.items()}
    ids = flat.pop("token_ids", np.arange(int(offsets[-1])))
    rank = flat.pop("rank", None)
    top = flat.pop("top", None)
    return TraceBatch(
        origin=origin,
        text_W=np.arange(len(rows)),
        texts=len(rows),
        offsets=offsets,
        token_ids_T=ids.astype(np.int32),
        logprob_T=np.concatenate([np.asarray(row, dtype=np.float32) for row in rows]),
        rank_T=None if rank is None else rank.astype(np.int32),
        top_TK=None if top is None else top.astype(np.float32),
        **{f"{name}_T": values.astype(np.float32) for name, values in flat.items()},
    )


def table_of(counts: Sequence[int], *, tokenizer: str = "t1") -> FrequencyTable:
    return FrequencyTable(np.array(counts, dtype=np.int64), tokenizer, "c1", None, 1)


def rows_of(inputs: Inputs, order: Sequence[int]) -> Inputs:
    """Return the inputs of the given rows, in that order; every member is cut alike."""

    def cut(trace: TraceBatch | None) -> TraceBatch | None:
        return None if trace is None else pick(trace, order)

    def some(values: Any) -> Any:
        return None if values is None else values[list(order)]

    def batch(tokens: TokenBatch | None) -> TokenBatch | None:
        return None if tokens is None else TokenBatch.of([tokens.row(row) for row in order])

    return Inputs(
        plain=cut(inputs.plain),
        lowercase=cut(inputs.lowercase),
        reference=cut(inputs.reference),
        prefixed={role: pick(trace, order) for role, trace in inputs.prefixed.items()},
        perturbed=[pick(trace, order) for trace in inputs.perturbed],
        continued=batch(inputs.continued),
        truth=batch(inputs.truth),
        utf8_bytes=some(inputs.utf8_bytes),
        zlib_bytes=some(inputs.zlib_bytes),
        unchanged=some(inputs.unchanged),
        frequency=inputs.frequency,
        vocabulary_size=inputs.vocabulary_size,
    )


def pick(trace: TraceBatch, order: Sequence[int]) -> TraceBatch:
    places = np.concatenate(
        [np.arange(trace.offsets[row], trace.offsets[row + 1]) for row in order] or [np.empty(0)]
    ).astype(np.int64)
    statistics = {
        name: values[places]
        for name in ("token_ids_T", "logprob_T", "entropy_T", "variance_T", "top1_T", "rank_T", "top_TK")
        if (values := getattr(trace, name)) is not None
    }
    return TraceBatch(
        origin=trace.origin,
        text_W=np.arange(len(order)),
        texts=len(order),
        offsets=offsets_of(int(trace.offsets[row + 1] - trace.offsets[row]) for row in order),
        **statistics,
    )
