"""The decode engine: greedy continuations of [context, seed] for very many seeds.

A step feeds one token a row. The context is computed once and shared, so that the first step costs one token a seed;
only the largest logit, its token and the log-sum-exp are kept. Paths that a rule gives up leave the batch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from datagov.errors import TargetError
from detectors.fingerprint.paths import Paths
from detectors.fingerprint.prefix_cache import PrefixLayer, rewind, select
from detectors.fingerprint.pruning import Rule
from detectors.targets.fused_statistics import fused_statistics
from detectors.targets.memory import out_of_memory
from detectors.targets.output_head import OutputHead
from detectors.targets.precision import at_least_fp32

__all__ = ["ForcingEngine"]

ROWS = {"cuda": 8192, "cpu": 512}
"""Seeds of a step."""
CHUNK_BYTES = {"cuda": 1 << 29, "cpu": 1 << 22}
"""Logits that exist at a time; on a CPU what stays in its cache."""
COMPACT_BELOW = 0.75
"""Share of rows still alive below which the others leave the batch."""


class ForcingEngine:
    """Continuations after one context.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        A causal language model in evaluation mode.
    head : OutputHead or None
        Its output layer; None: the model's own logits are used.
    context_ids : sequence of int
        What stands before the seed; may be empty.
    rows : int or None
        Seeds of a step; None for what usually suits the device. Halved whenever memory runs out.

    Raises
    ------
    TargetError
        The model keeps another state than keys and values, or the context is longer than its attention window.
    """

    def __init__(
        self, model: Any, head: OutputHead | None, context_ids: Sequence[int], *, rows: int | None = None
    ) -> None:
        self._model, self._head = model, head
        self._decoder = model if head is None else model.get_decoder()
        self._device = model.get_input_embeddings().weight.device
        kind = "cuda" if self._device.type == "cuda" else "cpu"
        self._chunk_logits = CHUNK_BYTES[kind] // (8 if model.dtype == torch.float64 else 4)
        self._context = list(context_ids)
        self._prefix = self._read_context()
        self.rows = rows or ROWS[kind]

    def first_step(self, seed_N: npt.NDArray[np.int32]) -> Paths:
        """Return the most probable token after each seed."""
        return self.extend(seed_N, 1)

    def extend(
        self, seed_N: npt.NDArray[np.int32], steps: int, *, rule: Rule | None = None, margin: float = 0.0
    ) -> Paths:
        """Continue each seed by `steps` tokens, or until `rule` gives it up.

        Raises
        ------
        TargetError
            One row does not fit in memory.
        """
        parts: dict[int, Paths] = {}
        pending = deque(
            (start, min(start + self.rows, len(seed_N))) for start in range(0, len(seed_N), self.rows)
        )
        cache = self._cache(steps)
        while pending:
            start, stop = pending.popleft()
            try:
                parts[start] = self._continue(seed_N[start:stop], steps, cache, rule, margin)
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                self._shrink(stop - start, error)
                pending.appendleft(((start + stop) // 2, stop))
                pending.appendleft((start, (start + stop) // 2))
                cache = self._cache(steps)
        return (
            Paths.joined([parts[start] for start in sorted(parts)]) if parts else Paths.empty(seed_N, steps)
        )

    def row_bytes(self, steps: int) -> int:
        """Return the memory that the keys and values of one seed take, its context and `steps` tokens included."""
        length = len(self._context) + steps
        return sum(
            length * states.shape[1] * states.shape[3] * states.element_size()
            for layer in self._prefix
            for states in layer
        )

    @torch.inference_mode()
    def _continue(
        self, seed_B: npt.NDArray[np.int32], steps: int, cache: Any, rule: Rule | None, margin: float
    ) -> Paths:
        rewind(cache)
        token_BS = torch.full((len(seed_B), steps), -1, dtype=torch.int64, device=self._device)
        logprob_BS = torch.full((len(seed_B), steps), float("nan"), device=self._device)
        row_A = torch.arange(len(seed_B), device=self._device)
        given_A = torch.from_numpy(seed_B.astype(np.int64)).to(self._device)
        alive_B = np.ones(len(seed_B), dtype=np.bool_)
        for step in range(steps):
            given_A, logprob_A = self._step(given_A, step, cache)
            token_BS[row_A, step], logprob_BS[row_A, step] = given_A, logprob_A.float()
            if rule is None or step + 1 == steps:
                continue
            alive_B &= rule.alive(logprob_BS[:, : step + 1].cpu().numpy(), margin)
            alive_A = torch.from_numpy(alive_B).to(self._device)[row_A]
            if not alive_B.any():
                break
            if int(alive_B.sum()) < COMPACT_BELOW * len(row_A):
                kept = alive_A.nonzero()[:, 0]
                row_A, given_A = row_A[kept], given_A[kept]
                select(cache, kept)
        tokens, logprobs = token_BS.cpu().numpy().astype(np.int32), logprob_BS.cpu().numpy()
        if rule is not None:
            _give_up(tokens, logprobs, rule, margin)
        return Paths(seed_B, tokens, logprobs)

    def _step(self, given_A: torch.Tensor, step: int, cache: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Feed one token a row; return the most probable next one and its ln p."""
        position = torch.full((1, 1), len(self._context) + step, device=self._device)
        fed = {
            "input_ids": given_A[:, None],
            "position_ids": position,
            "past_key_values": cache,
            "use_cache": True,
        }
        if self._head is None:
            return self._most_probable(at_least_fp32(self._model(**fed).logits[:, -1]))
        hidden_AD = self._decoder(**fed).last_hidden_state[:, -1].to(self._head.device)
        rows = max(self._chunk_logits // self._head.vocabulary_size, 16)
        parts = [self._most_probable(self._head.logits(chunk)) for chunk in hidden_AD.split(rows)]
        token_A, logprob_A = (torch.cat(columns) for columns in zip(*parts, strict=True))
        return token_A.to(self._device), logprob_A.to(self._device)

    @staticmethod
    def _most_probable(logits_MV: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if logits_MV.is_cuda:
            any_M = torch.zeros(len(logits_MV), dtype=torch.int64, device=logits_MV.device)
            fused = fused_statistics(logits_MV, any_M)
            if fused is not None:
                *_, top1_M, _, top1_id_M = fused
                return top1_id_M.to(torch.int64), top1_M
        best_M, token_M = logits_MV.max(-1)
        return token_M, -logits_MV.sub_(best_M[:, None]).exp_().sum(-1).log()

    @torch.inference_mode()
    def _read_context(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return the context's keys and values, layer by layer."""
        cache: Any = DynamicCache(config=self._model.config.get_text_config(decoder=True))
        ids = torch.tensor([self._context or [0]], device=self._device)
        self._decoder(input_ids=ids, past_key_values=cache, use_cache=True)
        if not all(isinstance(layer, DynamicLayer) for layer in cache.layers):
            raise TargetError(
                "this architecture keeps a state that is not keys and values, which forcing cannot share between seeds; "
                "expected a transformer with attention in every layer"
            )
        length = len(self._context)
        return [(layer.keys[:, :, :length], layer.values[:, :, :length]) for layer in cache.layers]

    def _cache(self, slots: int) -> Any:
        window = getattr(self._model.config.get_text_config(decoder=True), "sliding_window", None)
        if window is not None and len(self._context) + slots > window:
            raise TargetError(
                f"context and continuation have {len(self._context) + slots} tokens and the model attends to {window}; "
                "ask for fewer tokens or a shorter context"
            )
        layers: list[Any] = [PrefixLayer(keys, values, slots) for keys, values in self._prefix]
        return Cache(layers=layers)

    def _shrink(self, rows: int, error: Exception) -> None:
        if rows == 1:
            raise TargetError(
                f"one seed does not fit in the memory of {self._device} beside the model; free memory or spread the "
                "checkpoint with --device auto"
            ) from error
        self.rows = max(rows // 2, 1)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def _give_up(
    tokens: npt.NDArray[np.int32], logprobs: npt.NDArray[np.float32], rule: Rule, margin: float
) -> None:
    """Blank what was computed after a path was given up, so that nothing depends on who shared its batch."""
    for step in range(1, tokens.shape[1]):
        dead = ~rule.alive(logprobs[:, :step], margin)
        tokens[dead, step:], logprobs[dead, step:] = -1, np.nan
