"""One layer of a decoder of the common kind in its seven products and four kernels."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import nn

__all__ = ["FusedLayer", "FusedNorm", "Pair", "has_common_parts", "kernels"]

Pair = tuple[torch.Tensor, torch.Tensor]
"""Keys and values, or cosines and sines."""
PRODUCTS = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)
NORMS = ("input_layernorm", "post_attention_layernorm")
HEAD_NORMS = ("q_norm", "k_norm")
LANES = 32
"""Query vectors of a program of the attention kernel: more do not fit in its registers."""
WARPS = {32: 4, 64: 4, 128: 8, 256: 8}
"""Of such a program, by the width of a head."""
CONTEXT_BLOCK = 32
ELEMENTS = 4096
"""Numbers of a program that multiplies element by element."""


class FusedNorm:
    """Division by the root mean square."""

    def __init__(self, module: Any) -> None:
        self._weight = module.weight
        self._epsilon = float(_epsilon(module))

    def __call__(self, hidden_AD: torch.Tensor, delta_AD: torch.Tensor | None = None) -> torch.Tensor:
        """Add `delta_AD` to `hidden_AD` in place; return the normed rows."""
        normed_AD = torch.empty_like(hidden_AD)
        width = hidden_AD.shape[-1]
        kernels().add_and_norm[(hidden_AD.numel() // width,)](
            hidden_AD,
            hidden_AD if delta_AD is None else delta_AD,
            self._weight,
            normed_AD,
            width,
            self._epsilon,
            ADDED=delta_AD is not None,
            BLOCK=_power_of_two(width),
            num_warps=8 if width > 1024 else 4,
        )
        return normed_AD


class FusedLayer:
    """The parts of one layer."""

    def __init__(self, module: Any) -> None:
        self._query, self._key, self._value, self._out, self._gate, self._up, self._down = (
            module.get_submodule(name) for name in PRODUCTS
        )
        self._before, self._between = (FusedNorm(module.get_submodule(name)) for name in NORMS)
        attention = module.self_attn
        self._head_norms = [
            FusedNorm(getattr(attention, name)) if getattr(attention, name, None) is not None else None
            for name in HEAD_NORMS
        ]
        self._width, self._scaling = int(attention.head_dim), float(attention.scaling)
        self._heads = self._query.out_features // self._width
        self.key_heads = self._key.out_features // self._width

    def __call__(
        self,
        hidden_AD: torch.Tensor,
        delta_AD: torch.Tensor | None,
        turned_by: Pair,
        context: Pair,
        own: Pair,
        step: int,
    ) -> torch.Tensor:
        """Add what came before and what the attention says to `hidden_AD`, in place; return what the feed-forward block adds."""
        normed = self._before(hidden_AD, delta_AD)
        queries, keys, values = self._query(normed), self._key(normed), self._value(normed)
        queries, keys = (
            states if norm is None else norm(states.view(-1, self._width))
            for norm, states in zip(self._head_norms, (queries, keys), strict=True)
        )
        normed = self._between(
            hidden_AD, self._out(self._attend(queries, keys, values, turned_by, context, own, step))
        )
        gate, up = self._gate(normed), self._up(normed)
        kernels().silu_product[(-(-gate.numel() // ELEMENTS),)](
            gate, up, gate.numel(), BLOCK=ELEMENTS, num_warps=8
        )
        return self._down(gate)

    def _attend(
        self,
        queries: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        turned_by: Pair,
        context: Pair,
        own: Pair,
        step: int,
    ) -> torch.Tensor:
        rows, slots = len(values), own[0].shape[2]
        group = self._heads // self.key_heads
        room = _power_of_two(group)
        lanes = max(LANES, room)
        found = torch.empty((rows, self._heads * self._width), dtype=values.dtype, device=values.device)
        kernels().attend_step[(-(-rows // (lanes // room)), self.key_heads)](
            queries,
            keys,
            values,
            *turned_by,
            *context,
            *own,
            found,
            rows,
            context[0].shape[1],
            step,
            slots,
            self._scaling,
            HEADS=self._heads,
            KEY_HEADS=self.key_heads,
            WIDTH=self._width,
            GROUP=group,
            GROUP_ROOM=room,
            LANES=lanes,
            CONTEXT_BLOCK=CONTEXT_BLOCK,
            KEPT=slots > 0,
            num_warps=WARPS[self._width],
        )
        return found


def has_common_parts(decoder: Any) -> bool:
    """Say whether all parts that a step goes through are there, as plain layers, of sizes that fit each other and the kernels."""
    try:
        width = decoder.embed_tokens.embedding_dim
        return (
            type(decoder.embed_tokens) is nn.Embedding
            and callable(decoder.rotary_emb)
            and _divides(decoder.norm, width)
            and len(decoder.layers) > 0
            and all(_fits(layer, width) for layer in decoder.layers)
        )
    except AttributeError:
        return False


def _fits(layer: Any, hidden: int) -> bool:
    """Say whether a layer's parts are plain and of sizes that fit; the kernels take sizes on trust."""
    products = [layer.get_submodule(name) for name in PRODUCTS]
    if not all(type(product) is nn.Linear for product in products):
        return False
    query, key, value, out, gate, up, down = (
        (product.out_features, product.in_features) for product in products
    )
    head, scaling = layer.self_attn.head_dim, layer.self_attn.scaling
    norms = (getattr(layer.self_attn, name, None) for name in HEAD_NORMS)
    return (
        head in WARPS
        and isinstance(scaling, float)
        and all(_divides(layer.get_submodule(name), hidden) for name in NORMS)
        and all(norm is None or _divides(norm, head) for norm in norms)
        and query[0] % head == key[0] % head == 0
        and query[0] % key[0] == 0
        and (value, key[1]) == (key, hidden)
        and (query[1], out) == (hidden, (hidden, query[0]))
        and (gate, gate[1], down) == (up, hidden, (hidden, gate[0]))
    )


def _divides(norm: Any, width: int) -> bool:
    """Say whether a norm has one weight for each of so many numbers, and an epsilon."""
    return tuple(norm.weight.shape) == (width,) and _epsilon(norm) is not None


def _epsilon(norm: Any) -> Any:
    return getattr(norm, "variance_epsilon", getattr(norm, "eps", None))


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()


@cache
def kernels() -> Any:
    """Return the module of the kernels, or None without Triton."""
    try:
        from detectors.fingerprint import triton_step  # noqa: PLC0415 - where there is Triton
    except ImportError:
        return None
    return triton_step
