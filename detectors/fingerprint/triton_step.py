"""The Triton kernels behind `fused_steps`; importing this module needs Triton."""
# mypy: ignore-errors

from __future__ import annotations

import triton
import triton.language as tl
from triton import TritonError

__all__ = ["TritonError", "add_and_norm", "attend_step", "silu_product"]


@triton.jit
def add_and_norm(
    hidden,
    delta,
    weight,
    normed,
    width,
    epsilon,
    ADDED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Add `delta` to a row of `hidden`, in place, and write the row over its root mean square, times `weight`.

    The sum is rounded as it is stored; what is made of it is computed in fp32 and rounded once.
    """
    row = tl.program_id(0).to(tl.int64) * width
    columns = tl.arange(0, BLOCK)
    inside = columns < width
    number = hidden.dtype.element_ty
    values = tl.load(hidden + row + columns, mask=inside, other=0.0)
    if ADDED:
        more = tl.load(delta + row + columns, mask=inside, other=0.0)
        values = (values.to(tl.float32) + more.to(tl.float32)).to(number)
        tl.store(hidden + row + columns, values, mask=inside)
    wide = values.to(tl.float32)
    scale = 1.0 / tl.sqrt(tl.sum(wide * wide, axis=0) / width + epsilon)
    factor = tl.load(weight + columns, mask=inside, other=0.0).to(tl.float32)
    tl.store(normed + row + columns, (wide * scale * factor).to(number), mask=inside)


@triton.jit
def silu_product(gate, up, count, BLOCK: tl.constexpr):
    """Write gate * sigmoid(gate) * up over `gate`."""
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = place < count
    opened = tl.load(gate + place, mask=inside, other=0.0)
    wide = opened.to(tl.float32)
    other = tl.load(up + place, mask=inside, other=0.0).to(tl.float32)
    tl.store(gate + place, (wide / (1.0 + tl.exp(-wide)) * other).to(opened.dtype), mask=inside)


@triton.jit
def rotated(first, second, cos, sin, HALF: tl.constexpr):
    """Return both halves of vectors, turned by the angles of a position."""
    at = tl.arange(0, HALF)[None]
    one = first * tl.load(cos + at).to(tl.float32) - second * tl.load(sin + at).to(tl.float32)
    other = second * tl.load(cos + HALF + at).to(tl.float32) + first * tl.load(sin + HALF + at).to(tl.float32)
    return one, other


@triton.jit(do_not_specialize=["rows", "length", "step", "slots"])
def attend_step(
    query,
    key,
    value,
    cos,
    sin,
    context_key,
    context_value,
    own_key,
    own_value,
    found,
    rows,
    length,
    step,
    slots,
    scaling,
    HEADS: tl.constexpr,
    KEY_HEADS: tl.constexpr,
    WIDTH: tl.constexpr,
    GROUP: tl.constexpr,
    GROUP_ROOM: tl.constexpr,
    LANES: tl.constexpr,
    CONTEXT_BLOCK: tl.constexpr,
    KEPT: tl.constexpr,
):
    """Turn queries and keys of one new token a row, keep its key and value, and attend to it, to its own steps, and to the context.

    A program has `LANES` query vectors of some rows and one key head: those of a row's `GROUP` query heads side by side, in the
    room of a power of two. `query` is [rows, HEADS, WIDTH], `key` and `value` [rows, KEY_HEADS, WIDTH], `context_*`
    [KEY_HEADS, length, WIDTH], `own_*` [rows, KEY_HEADS, slots, WIDTH]. Softmax and sums are fp32.
    """
    number = query.dtype.element_ty
    HALF: tl.constexpr = WIDTH // 2
    head = tl.program_id(1)
    lane = tl.arange(0, LANES)
    row = tl.program_id(0).to(tl.int64) * (LANES // GROUP_ROOM) + lane // GROUP_ROOM
    member = lane % GROUP_ROOM
    there = (row < rows)[:, None]
    asking = there & (member < GROUP)[:, None]
    half = tl.arange(0, HALF)[None]
    whole = tl.arange(0, WIDTH)[None]

    at_query = query + ((row * HEADS + head * GROUP + member) * WIDTH)[:, None]
    query_1 = tl.load(at_query + half, mask=asking, other=0.0).to(tl.float32)
    query_2 = tl.load(at_query + HALF + half, mask=asking, other=0.0).to(tl.float32)
    query_1, query_2 = rotated(query_1, query_2, cos, sin, HALF)
    query_1, query_2 = query_1.to(number), query_2.to(number)
    at_key = ((row * KEY_HEADS + head) * WIDTH)[:, None]
    key_1 = tl.load(key + at_key + half, mask=there, other=0.0).to(tl.float32)
    key_2 = tl.load(key + at_key + HALF + half, mask=there, other=0.0).to(tl.float32)
    key_1, key_2 = rotated(key_1, key_2, cos, sin, HALF)
    key_1, key_2 = key_1.to(number), key_2.to(number)
    new_value = tl.load(value + at_key + whole, mask=there, other=0.0)
    own = ((row * KEY_HEADS + head) * slots * WIDTH)[:, None]
    if KEPT:
        first_lane = there & (member == 0)[:, None]
        slot = own + step * WIDTH
        tl.store(own_key + slot + half, key_1, mask=first_lane)
        tl.store(own_key + slot + HALF + half, key_2, mask=first_lane)
        tl.store(own_value + slot + whole, new_value, mask=first_lane)

    wide_1, wide_2 = query_1.to(tl.float32), query_2.to(tl.float32)
    top = (
        tl.sum(wide_1 * key_1.to(tl.float32), axis=1) + tl.sum(wide_2 * key_2.to(tl.float32), axis=1)
    ) * scaling
    total = tl.full([LANES], 1.0, tl.float32)
    taken = new_value.to(tl.float32)
    for before in range(step):
        slot = own + before * WIDTH
        past_1 = tl.load(own_key + slot + half, mask=there, other=0.0).to(tl.float32)
        past_2 = tl.load(own_key + slot + HALF + half, mask=there, other=0.0).to(tl.float32)
        score = (tl.sum(wide_1 * past_1, axis=1) + tl.sum(wide_2 * past_2, axis=1)) * scaling
        higher = tl.maximum(top, score)
        kept, weight = tl.exp(top - higher), tl.exp(score - higher)
        taken = taken * kept[:, None] + weight[:, None] * tl.load(
            own_value + slot + whole, mask=there, other=0.0
        ).to(tl.float32)
        total = total * kept + weight
        top = higher
    for start in range(0, length, CONTEXT_BLOCK):
        place = start + tl.arange(0, CONTEXT_BLOCK)
        inside = (place < length)[:, None]
        at = ((head * length + place.to(tl.int64)) * WIDTH)[:, None]
        shared_1 = tl.load(context_key + at + half, mask=inside, other=0.0)
        shared_2 = tl.load(context_key + at + HALF + half, mask=inside, other=0.0)
        score = tl.dot(query_1, tl.trans(shared_1)) + tl.dot(query_2, tl.trans(shared_2))
        score = tl.where((place < length)[None], score * scaling, float("-inf"))
        higher = tl.maximum(top, tl.max(score, axis=1))
        kept, weights = tl.exp(top - higher), tl.exp(score - higher[:, None])
        values = tl.load(context_value + at + whole, mask=inside, other=0.0)
        taken = taken * kept[:, None] + tl.dot(weights.to(number), values)
        total = total * kept + tl.sum(weights, axis=1)
        top = higher
    at_found = found + ((row * HEADS + head * GROUP + member) * WIDTH)[:, None]
    tl.store(at_found + whole, (taken / total[:, None]).to(number), mask=asking)
