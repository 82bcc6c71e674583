"""Passes in which a row's numbers depend on nothing but the row: fp32 on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from detectors.targets.context_states import within_window

__all__ = ["RowsAlone", "rows_alone"]

PRODUCT_ROWS = 1024
"""Rows of a product. More do short batches more work, fewer make long ones slow."""


class RowsAlone(TorchFunctionMode):
    """Linear layers are computed in pieces of so many rows, the last one filled up with zeros; packed rows attend one by one.

    Libraries choose by its shape how a product is summed. Of one shape they choose alike, and a row of a product is summed
    without regard to the others. The attention to a row and to what was packed around it, which a mask takes away again, is summed
    in other pieces than the attention to the row. Keys that several query heads share are given to each, since torch has one
    kernel for those and another for the rest.

    Parameters
    ----------
    packed_lengths : int64[N] or None
        Of rows that lie end to end in one, whose attention is causal without any other limit.
    """

    def __init__(
        self, packed_lengths: npt.NDArray[np.int64] | None = None, *, product_rows: int = PRODUCT_ROWS
    ) -> None:
        super().__init__()
        ends = [] if packed_lengths is None else np.cumsum(packed_lengths).tolist()
        self._parts = [slice(*part) for part in pairwise([0, *ends])]
        self._rows = product_rows

    def __torch_function__(
        self, func: Callable[..., Any], _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call a function of torch, or do what it does row by row or piece by piece."""
        given = kwargs or {}
        if func is functional.linear and args:
            return self._linear(func, *args, **given)
        if func is functional.scaled_dot_product_attention and len(args) >= 3:
            return self._attention(func, *args[:3], **given)
        return func(*args, **given)

    def _linear(
        self, func: Callable[..., Any], given: torch.Tensor, *layer: Any, **more: Any
    ) -> torch.Tensor:
        rows = given.reshape(-1, given.shape[-1])
        missing = -len(rows) % self._rows
        filled = functional.pad(rows, (0, 0, 0, missing)) if missing else rows
        parts = [func(part, *layer, **more) for part in torch.split(filled, self._rows)]
        return torch.cat(parts)[: len(rows)].reshape(*given.shape[:-1], -1)

    def _attention(
        self,
        func: Callable[..., Any],
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        **given: Any,
    ) -> torch.Tensor:
        if given.pop("enable_gqa", False):
            group = query.shape[1] // key.shape[1]
            key, value = (part.repeat_interleave(group, 1) for part in (key, value))
        if not self._parts:
            whole: torch.Tensor = func(query, key, value, **given)
            return whole
        given |= {"attn_mask": None, "is_causal": True}
        parts = (tuple(part[:, :, row] for part in (query, key, value)) for row in self._parts)
        return torch.cat([func(*part, **given) for part in parts], dim=2)


def rows_alone(model: Any, packed_lengths: npt.NDArray[np.int64] | None) -> AbstractContextManager[object]:
    """Return what a pass of a model over some rows is made in.

    `RowsAlone` in fp32 on a GPU. On a CPU differences between batches are far below what fp32 is good for, fp64 has none in what is
    stored, and in half precision products over whole batches are what makes it fast.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    packed_lengths : int64[N] or None
        Tokens of rows that are laid end to end.
    """
    if model.dtype != torch.float32 or not model.get_input_embeddings().weight.is_cuda:
        return nullcontext()
    if packed_lengths is not None and not within_window(model, int(packed_lengths.max())):
        packed_lengths = None
    return RowsAlone(packed_lengths)
