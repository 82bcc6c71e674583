"""Finalists in fp32: half-precision numbers depend on who shares the batch, and what is reported must not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from detectors.targets.output_head import OutputHead, head_of
from detectors.targets.transformers_target import TransformersTarget

__all__ = ["held_in_fp32"]

HALF = (torch.bfloat16, torch.float16)


@contextmanager
def held_in_fp32(target: TransformersTarget) -> Iterator[tuple[OutputHead | None, str]]:
    """Hold the target's weights in fp32 for a while; give its output layer and the number format that is in force.

    Every half-precision number is an fp32 number, so that going back changes nothing. Quantised weights, and weights
    that do not fit, stay as they are.
    """
    model = target.model
    weights = [weight for weight in model.parameters() if weight.dtype in HALF]
    quantised = getattr(model.config, "quantization_config", None) is not None
    if not weights or quantised or not _fits(weights):
        yield target.head, target.facts.dtype
        return
    before = [weight.dtype for weight in weights]
    try:
        for weight in weights:
            weight.data = weight.data.float()
        yield head_of(model, model.get_decoder()), "float32"
    finally:
        for weight, dtype in zip(weights, before, strict=True):
            weight.data = weight.data.to(dtype)


def _fits(weights: list[torch.nn.Parameter]) -> bool:
    """Say whether the memory of the GPU has room for as much again; on a CPU the system pages."""
    if not weights[0].is_cuda:
        return True
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(weights[0].device)
    more = sum(weight.numel() * 4 - weight.numel() * weight.element_size() for weight in weights)
    return more * 1.2 < free
