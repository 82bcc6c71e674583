"""The Triton kernel behind `fused_statistics`; importing this module needs Triton."""
# mypy: ignore-errors

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["row_statistics"]


@triton.jit
def row_statistics(logits, stride, token, floats, rank, rows, vocabulary, BLOCK: tl.constexpr):
    """Write the statistics of one row: its largest logit, then its moments, then the variance about its mean.

    The second and third loop find the row in the cache.
    """
    row = tl.program_id(0).to(tl.int64)
    start_of_row = logits + row * stride
    columns = tl.arange(0, BLOCK)
    chosen = tl.load(start_of_row + tl.load(token + row))
    largest = tl.full([BLOCK], float("-inf"), tl.float32)
    above = tl.zeros([BLOCK], tl.int32)
    for start in range(0, vocabulary, BLOCK):
        value = tl.load(
            start_of_row + start + columns, mask=start + columns < vocabulary, other=float("-inf")
        )
        largest = tl.maximum(largest, value)
        above += (value > chosen).to(tl.int32)
    top = tl.max(largest, axis=0)
    weights = tl.zeros([BLOCK], tl.float32)
    moments = tl.zeros([BLOCK], tl.float32)
    for start in range(0, vocabulary, BLOCK):
        inside = start + columns < vocabulary
        value = tl.load(start_of_row + start + columns, mask=inside, other=float("-inf"))
        shifted = tl.where(inside, value - top, 0.0)
        weight = tl.where(inside, tl.exp(shifted), 0.0)
        weights += weight
        moments += weight * shifted
    total = tl.sum(weights, axis=0)
    mean = tl.sum(moments, axis=0) / total
    squares = tl.zeros([BLOCK], tl.float32)
    for start in range(0, vocabulary, BLOCK):
        inside = start + columns < vocabulary
        value = tl.load(start_of_row + start + columns, mask=inside, other=float("-inf"))
        shifted = tl.where(inside, value - top, 0.0)
        weight = tl.where(inside, tl.exp(shifted), 0.0)
        squares += weight * (shifted - mean) * (shifted - mean)
    log_total = tl.log(total)
    tl.store(floats + row, chosen - top - log_total)
    tl.store(floats + rows + row, tl.maximum(log_total - mean, 0.0))
    tl.store(floats + 2 * rows + row, tl.sum(squares, axis=0) / total)
    tl.store(floats + 3 * rows + row, -log_total)
    tl.store(rank + row, tl.sum(above, axis=0))
