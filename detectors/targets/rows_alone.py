"""Passes in which a row's numbers depend on nothing but the row, as far as linear layers and torch's attention make them: fp32 on a GPU."""

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

__all__ = ["RowsAlone", "rows_alone"]

PIECE_ROWS = 1024
"""Most rows of a product. More do short batches more work, fewer make long ones slow."""
PIECE_BYTES = 1 << 28
"""Most of what it gives: fewer rows where a layer is as wide as a vocabulary."""


class RowsAlone(TorchFunctionMode):
    """Linear layers are computed in pieces of so many rows, the last one filled up with zeros; packed rows attend one by one.

    Libraries choose by its shape how a product is summed. Of one shape they choose alike, and a row of a product is summed
    without regard to the others. The attention to a row and to what was packed around it, which a mask takes away again, is summed
    in other pieces than the attention to the row. Keys that several query heads share are given to each, since torch has one
    kernel for those and another for the rest.

    Parameters
    ----------
    packed_lengths : int64[N] or None
        Of rows that lie end to end in one.
    """

    def __init__(
        self, packed_lengths: npt.NDArray[np.int64] | None = None, *, piece_rows: int = PIECE_ROWS
    ) -> None:
        super().__init__()
        self._lengths = packed_lengths
        self._piece_rows = piece_rows
        self._known: dict[int, tuple[torch.Tensor, bool]] = {}
        """Masks that were seen in this pass, and whether they keep the rows apart and do nothing else."""

    def __torch_function__(
        self, func: Callable[..., Any], _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call a function of torch, or do what it does row by row or piece by piece."""
        given = kwargs or {}
        if func is functional.linear and len(args) >= 2:
            rows, weight_OI, *more = args
            return self._in_pieces(lambda part: func(part, weight_OI, *more, **given), rows, len(weight_OI))
        if func is torch.addmm and len(args) == 3 and not given:  # linear layers of GPT-2
            bias, rows, weight_IO = args
            return self._in_pieces(lambda part: func(bias, part, weight_IO), rows, weight_IO.shape[1])
        if func is functional.scaled_dot_product_attention and len(args) == 3:
            return self._attention(func, *args, **given)
        return func(*args, **given)

    def _in_pieces(
        self, product: Callable[[torch.Tensor], torch.Tensor], given: torch.Tensor, width: int
    ) -> torch.Tensor:
        size = max(min(self._piece_rows, PIECE_BYTES // (width * given.element_size())), 1)
        rows = given.reshape(-1, given.shape[-1])
        missing = -len(rows) % size
        filled = functional.pad(rows, (0, 0, 0, missing)) if missing else rows
        parts = [product(part) for part in torch.split(filled, size)]
        whole = parts[0] if len(parts) == 1 else torch.cat(parts)
        return whole[: len(rows)].reshape(*given.shape[:-1], -1)

    def _attention(
        self,
        func: Callable[..., Any],
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        **given: Any,
    ) -> Any:
        if given.pop("enable_gqa", False):
            group = query.shape[1] // key.shape[1]
            key, value = (part.repeat_interleave(group, 1) for part in (key, value))
        if self._lengths is None or not self._keeps_apart(given.get("attn_mask"), self._lengths):
            return func(query, key, value, **given)
        given |= {"attn_mask": None, "is_causal": True}
        rows = [slice(*part) for part in pairwise([0, *np.cumsum(self._lengths).tolist()])]
        return torch.cat(
            [func(*(part[:, :, row] for part in (query, key, value)), **given) for row in rows], dim=2
        )

    def _keeps_apart(self, mask: torch.Tensor | None, lengths: npt.NDArray[np.int64]) -> bool:
        """Say whether a mask lets every token see those of its row up to itself, and nothing else: no bias, no window."""
        tokens = int(lengths.sum())
        if mask is None or mask.dtype != torch.bool or mask.shape != (1, 1, tokens, tokens):
            return False
        if id(mask) not in self._known:
            row_T = torch.from_numpy(np.repeat(np.arange(len(lengths)), lengths)).to(mask.device)
            apart = (row_T[:, None] == row_T).tril_()
            self._known[id(mask)] = mask, torch.equal(mask[0, 0], apart)
        return self._known[id(mask)][1]


def rows_alone(
    model: Any, packed_lengths: npt.NDArray[np.int64] | None = None
) -> AbstractContextManager[object]:
    """Return what a pass of a model over some rows is made in.

    `RowsAlone` in fp32 on a GPU. On a CPU differences between batches are far below what fp32 is good for, fp64 has none in what is
    stored, and in half precision products over whole batches are what makes it fast.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    packed_lengths : int64[N] or None
        Tokens of rows that are laid end to end.
    """
    on_gpu = model.get_input_embeddings().weight.is_cuda
    return RowsAlone(packed_lengths) if on_gpu and model.dtype == torch.float32 else nullcontext()
