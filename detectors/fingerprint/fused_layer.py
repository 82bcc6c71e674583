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
            for name in ("q_norm", "k_norm")
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
    """Say whether all parts that a step goes through are there, as plain layers, and heads are as wide as a kernel can hold."""
    try:
        layers = list(decoder.layers)
        products = [layer.get_submodule(name) for layer in layers for name in PRODUCTS]
        norms = [layer.get_submodule(name) for layer in layers for name in NORMS] + [decoder.norm]
        widths = {layer.self_attn.head_dim for layer in layers}
        scalings = {layer.self_attn.scaling for layer in layers}
        named = decoder.embed_tokens, decoder.rotary_emb
    except AttributeError:
        return False
    return (
        bool(layers)
        and all(type(product) is nn.Linear for product in products)
        and all(getattr(norm, "weight", None) is not None and _epsilon(norm) is not None for norm in norms)
        and all(width in WARPS for width in widths)
        and all(isinstance(scaling, float) for scaling in scalings)
        and type(named[0]) is nn.Embedding
    )


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
