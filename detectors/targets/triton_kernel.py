"""The Triton kernel behind `fused_statistics`; importing this module needs Triton."""
# mypy: ignore-errors
# ruff: noqa: PLR0124 - NaN is what differs from itself

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["row_statistics"]


@triton.jit
def below(row, columns, vocabulary, top):
    """Return how far logits of a row lie below its top, and their weights: 0 outside the vocabulary."""
    inside = columns < vocabulary
    shifted = tl.where(inside, tl.load(row + columns, mask=inside, other=float("-inf")) - top, 0.0)
    # What has no probability adds nothing, and 0 times minus infinity would be NaN.
    shifted = tl.where(shifted < -1e9, -1e9, shifted)
    return shifted, tl.where(inside, tl.exp(shifted), 0.0)


@triton.jit
def row_statistics(logits, stride, token, floats, integers, rows, vocabulary, BLOCK: tl.constexpr):
    """Write the statistics of one row: its largest logit and where that stands, then its moments, then the variance about its mean.

    The second and third loop find the row in the cache. Everything is computed in the number format of the logits. NaN counts as
    the largest, as in numpy and torch.
    """
    number = logits.dtype.element_ty
    row = tl.program_id(0).to(tl.int64)
    start_of_row = logits + row * stride
    columns = tl.arange(0, BLOCK)
    chosen = tl.load(start_of_row + tl.load(token + row))
    largest = tl.full([BLOCK], float("-inf"), number)
    # A lane's first column stands for it until a larger logit comes: that is the first of equals also where all are -inf.
    place = columns
    above = tl.zeros([BLOCK], tl.int32)
    for start in range(0, vocabulary, BLOCK):
        value = tl.load(
            start_of_row + start + columns, mask=start + columns < vocabulary, other=float("-inf")
        )
        larger = (value > largest) | ((value != value) & (largest == largest))
        largest = tl.where(larger, value, largest)
        place = tl.where(larger, start + columns, place)
        above += (value > chosen).to(tl.int32)
    unknown = largest != largest
    top = tl.max(largest, axis=0)
    at_top = tl.where(tl.max(unknown.to(tl.int32), axis=0) > 0, unknown, largest == top)
    weights = tl.zeros([BLOCK], number)
    moments = tl.zeros([BLOCK], number)
    for start in range(0, vocabulary, BLOCK):
        shifted, weight = below(start_of_row, start + columns, vocabulary, top)
        weights += weight
        moments += weight * shifted
    total = tl.sum(weights, axis=0)
    mean = tl.sum(moments, axis=0) / total
    squares = tl.zeros([BLOCK], number)
    for start in range(0, vocabulary, BLOCK):
        shifted, weight = below(start_of_row, start + columns, vocabulary, top)
        squares += weight * (shifted - mean) * (shifted - mean)
    log_total = tl.log(total)
    entropy = log_total - mean
    tl.store(floats + row, chosen - top - log_total)
    tl.store(floats + rows + row, tl.where(entropy < 0.0, 0.0, entropy))
    tl.store(floats + 2 * rows + row, tl.sum(squares, axis=0) / total)
    tl.store(floats + 3 * rows + row, -log_total)
    tl.store(integers + row, tl.sum(above, axis=0))
    tl.store(integers + rows + row, tl.min(tl.where(at_top, place, vocabulary), axis=0))
