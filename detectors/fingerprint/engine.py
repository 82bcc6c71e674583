"""The decode engine: greedy continuations of [context, seed] for very many seeds.

A step feeds one token a row. The context is computed once and shared (`shared_context`), so that the first step costs one token a seed;
only the largest logit, its token and the log-sum-exp are kept. Paths that a rule gives up leave the batch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from datagov.errors import TargetError
from detectors.fingerprint.paths import Paths
from detectors.fingerprint.pruning import Rule
from detectors.fingerprint.row_steps import Steps
from detectors.fingerprint.shared_context import SharedContext
from detectors.targets.cpu_statistics import row_statistics
from detectors.targets.fused_statistics import fused_statistics
from detectors.targets.memory import out_of_memory
from detectors.targets.output_head import OutputHead
from detectors.targets.precision import at_least_fp32

__all__ = ["ForcingEngine"]

ROWS = {"cuda": 16_384, "cpu": 512}
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
    share_context : bool or None
        Whether rows attend to one context in memory or to a copy each; None for what usually is faster.
    own_steps : bool
        Whether steps may be other than the model's own code takes them (`fused_steps`).

    Raises
    ------
    TargetError
        The model keeps another state than keys and values, or the context is longer than its attention window.
    """

    def __init__(
        self,
        model: Any,
        head: OutputHead | None,
        context_ids: Sequence[int],
        *,
        rows: int | None = None,
        share_context: bool | None = None,
        own_steps: bool = True,
    ) -> None:
        self._model, self._head = model, head
        self._decoder = model if head is None else model.get_decoder()
        self._device = model.get_input_embeddings().weight.device
        kind = "cuda" if self._device.type == "cuda" else "cpu"
        self._chunk_logits = CHUNK_BYTES[kind] // (8 if model.dtype == torch.float64 else 4)
        self._context = SharedContext(
            model, self._decoder, context_ids, once=share_context, own_steps=own_steps
        )
        self.rows = rows or ROWS[kind]

    @property
    def own_steps(self) -> bool:
        """Whether steps are other than the model's own code takes them."""
        return self._context.own_steps

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
        fed = self._context.steps(steps)
        while pending:
            start, stop = pending.popleft()
            try:
                parts[start] = self._continue(seed_N[start:stop], steps, fed, rule, margin)
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                fed = self._context.steps(steps)
                self._shrink(stop - start, error)
                pending.appendleft(((start + stop) // 2, stop))
                pending.appendleft((start, (start + stop) // 2))
        return (
            Paths.joined([parts[start] for start in sorted(parts)]) if parts else Paths.empty(seed_N, steps)
        )

    def refuse_beyond_window(self, steps: int) -> None:
        """Refuse continuations that the model's attention does not reach over; see `SharedContext`."""
        self._context.refuse_beyond_window(steps)

    def row_bytes(self, steps: int) -> int:
        """Return the memory that the keys and values of one seed with `steps` tokens take."""
        return self._context.row_bytes(steps)

    @torch.inference_mode()
    def _continue(
        self, seed_B: npt.NDArray[np.int32], steps: int, fed: Steps, rule: Rule | None, margin: float
    ) -> Paths:
        token_BS = torch.full((len(seed_B), steps), -1, dtype=torch.int64, device=self._device)
        logprob_BS = torch.full((len(seed_B), steps), float("nan"), device=self._device)
        row_A = torch.arange(len(seed_B), device=self._device)
        given_A = torch.from_numpy(seed_B.astype(np.int64)).to(self._device)
        alive_B = np.ones(len(seed_B), dtype=np.bool_)
        for step in range(steps):
            given_A, logprob_A = self._step(given_A, step, fed)
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
                fed.select(kept)
        tokens, logprobs = token_BS.cpu().numpy().astype(np.int32), logprob_BS.cpu().numpy()
        if rule is not None:
            _give_up(tokens, logprobs, rule, margin)
        return Paths(seed_B, tokens, logprobs)

    def _step(self, given_A: torch.Tensor, step: int, fed: Steps) -> tuple[torch.Tensor, torch.Tensor]:
        """Feed one token a row; return the most probable next one and its ln p."""
        said_AD = fed.feed(given_A, step)
        if self._head is None:
            return self._most_probable(at_least_fp32(said_AD))
        said_AD = said_AD.to(self._head.device)
        rows = max(self._chunk_logits // self._head.vocabulary_size, 16)
        parts = [self._most_probable(self._head.logits(chunk)) for chunk in torch.split(said_AD, rows)]
        token_A, logprob_A = (torch.cat(columns) for columns in zip(*parts, strict=True))
        return token_A.to(self._device), logprob_A.to(self._device)

    @staticmethod
    def _most_probable(logits_MV: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        any_M = torch.zeros(len(logits_MV), dtype=torch.int64, device=logits_MV.device)
        in_one_pass = None
        if logits_MV.is_cuda:
            in_one_pass = fused_statistics(logits_MV, any_M)
        elif logits_MV.dtype == torch.float32:
            in_one_pass = row_statistics(logits_MV, any_M)
        if in_one_pass is not None:
            *_, top1_M, _, top1_id_M = in_one_pass
            return top1_id_M.to(torch.int64), top1_M
        best_M, token_M = logits_MV.max(-1)
        return token_M, -logits_MV.sub_(best_M[:, None]).exp_().sum(-1).log()

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
