"""Number formats: those a checkpoint can be held in, and what makes a pass in one of them as exact as it says."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

__all__ = ["DTYPES", "at_least_fp32", "compute_in_fp64", "without_tf32"]

DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def at_least_fp32(values: torch.Tensor) -> torch.Tensor:
    """Return half-precision numbers in fp32, others as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


class _Fp64ForFp32(TorchFunctionMode):
    """Whatever is asked for in fp32 is computed in fp64."""

    def __torch_function__(
        self, func: Callable[..., Any], _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call a function of torch with fp64 wherever it is given fp32."""
        if func is torch.Tensor.float:
            func = torch.Tensor.double
        given = {name: _wider(value) for name, value in (kwargs or {}).items()}
        return func(*map(_wider, args), **given)


def compute_in_fp64(model: Any) -> Any:
    """Let every pass of a model whose weights are fp64 be one in fp64, and return the model.

    Models of transformers are written for half precision: norms, rotations and some softmaxes go up to fp32 and back, which for
    fp64 is down. Then fp64 would be no more exact than fp32 is, and its sums in fp32 could depend on the batch.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Changed in place.
    """
    for module in {id(part): part for part in (model, model.get_decoder())}.values():
        module.forward = _in_fp64(module.forward)
    return model


def without_tf32() -> None:
    """Let products of fp32 on a GPU be of fp32, whatever was asked for before; it holds for the process.

    Source: pytorch.org, "CUDA semantics" (TF32).
    """
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False


def _in_fp64(forward: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(forward)
    def inside(*args: Any, **kwargs: Any) -> Any:
        with _Fp64ForFp32():
            return forward(*args, **kwargs)

    return inside


def _wider(value: Any) -> Any:
    return torch.float64 if value is torch.float32 else value
