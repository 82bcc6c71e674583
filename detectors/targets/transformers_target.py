"""A local checkpoint through torch and transformers: one forward pass gives all token statistics."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from datagov.errors import ConfigError, TargetError
from datagov.tokenizer import Tokenizer
from detectors.ragged import TokenBatch, offsets_of
from detectors.targets.batching import batches
from detectors.targets.context_states import LONG_CONTEXT, States, cache_behind, read_states, within_window
from detectors.targets.forcing import greedy
from detectors.targets.layout import Collected, lay_out
from detectors.targets.memory import out_of_memory
from detectors.targets.output_head import OutputHead, head_of
from detectors.targets.precision import at_least_fp32
from detectors.targets.rows_alone import rows_alone
from detectors.targets.sampling import drawn
from detectors.targets.target import Capabilities, Continuations, TargetFacts
from detectors.targets.token_statistics import TokenStatistics, token_statistics
from detectors.targets.tolerance import measured_tolerance, refuse_mixed_rows, tokens_to_measure
from detectors.trace import TraceBatch, TraceOrigin

__all__ = ["LAYOUTS", "TransformersTarget"]

LAYOUTS = ("padded", "packed")
STATISTICS = frozenset({"entropy", "variance", "top1", "rank"})
BATCH_TOKENS = {"cuda": 16_384, "cpu": 1_024}
"""Tokens of a forward pass, padding included."""
CHUNK_BYTES = {"cuda": 1 << 29, "cpu": 1 << 24}
"""Logits that exist at a time; products of few rows are slow on a CPU."""


class TransformersTarget:
    """A causal language model in memory.

    Rows of a batch are padded on the right, without a mask: under causal attention no token sees what comes after
    it, so padding changes nothing. Packed rows share one row with positions that start again, which transformers
    turns into a mask.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        In evaluation mode.
    tokenizer : Tokenizer or None
        None for a model that is only ever given token ids.
    facts : TargetFacts
    layout : str
        `padded` or `packed`.
    batch_tokens : int or None
        Tokens of a forward pass; None for what usually suits the device. Halved whenever memory runs out.
    folder : Path or None
        Where the tokenizer lies, and the chat template if there is one; None for a model made in memory.
    """

    _statistics = staticmethod(token_statistics)

    def __init__(
        self,
        model: Any,
        tokenizer: Tokenizer | None,
        facts: TargetFacts,
        *,
        layout: str = "padded",
        batch_tokens: int | None = None,
        folder: Path | None = None,
    ) -> None:
        self._model, self._tokenizer, self._packed = model, tokenizer, layout == "packed"
        self._decoder = model.get_decoder()
        self._input_device = model.get_input_embeddings().weight.device
        kind = "cuda" if self._input_device.type == "cuda" else "cpu"
        self._batch_tokens = batch_tokens or BATCH_TOKENS[kind]
        row_bytes = facts.vocabulary_size * (8 if model.dtype == torch.float64 else 4)
        self._chunk_rows = max(CHUNK_BYTES[kind] // row_bytes, 16)
        self.head: OutputHead | None = head_of(model, self._decoder)
        """Its output layer, where applying it by hand gives the model's own logits."""
        self.facts, self.folder = facts, folder
        self._context: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)

    @cached_property
    def capabilities(self) -> Capabilities:
        """What it can be asked; how far its numbers depend on the batch is measured when this is first asked.

        Raises
        ------
        TargetError
            Packed rows change each other's numbers.
        """
        tokens = tokens_to_measure(self._model.num_parameters(), self._input_device.type)
        tolerance = measured_tolerance(self, tokens=tokens, context=self._context)
        if self._packed:
            padded = copy(self)
            padded._packed = False  # noqa: SLF001 - a copy of ourselves
            refuse_mixed_rows(
                self.facts, tolerance, measured_tolerance(padded, tokens=tokens, context=self._context)
            )
        return Capabilities(
            prompt_logprobs="exact",
            generated_logprobs="exact",
            id_prompts=True,
            statistics=STATISTICS,
            context_tokens=self._context,
            tolerance_nats=tolerance,
        )

    @property
    def model(self) -> Any:
        """The transformers.PreTrainedModel."""
        return self._model

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer.

        Raises
        ------
        ConfigError
            The target was opened without one.
        """
        if self._tokenizer is None:
            raise ConfigError(f"{self.facts.name} was opened without a tokenizer: give it token ids")
        return self._tokenizer

    @property
    def batch_tokens(self) -> int:
        """Tokens of a forward pass now; less than at first when memory ran out."""
        return self._batch_tokens

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """Return the token ids of each text, without any special token."""
        return TokenBatch(*self.tokenizer.encode(texts))

    def decode(self, token_ids: Sequence[int]) -> str:
        """Return the text of token ids; bytes that are not UTF-8 become U+FFFD."""
        return self.tokenizer.decode(token_ids)

    def trace(self, windows: TokenBatch) -> TraceBatch:
        """Return the statistics of every token but the first of each row.

        Raises
        ------
        TargetError
            A single row does not fit in memory, is longer than the context, or holds an id outside the vocabulary.
        """
        self._check(windows)
        return self._trace(windows, None, 0)

    def trace_after(self, context_ids: Sequence[int], windows: TokenBatch) -> TraceBatch | None:
        """Return the same for rows that all stand behind some tokens, which are read once.

        None where they are few, rows are packed, or the model keeps another state or does not attend over so many tokens.
        """
        behind = len(context_ids)
        self._check(windows, more=behind)
        self._check(TokenBatch.of([context_ids]))
        longest = behind + int(windows.lengths.max(initial=0))
        if behind < LONG_CONTEXT or self._packed or not within_window(self._model, longest):
            return None
        try:
            states = read_states(self._model, self._decoder, context_ids)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            return None
        return None if states is None else self._trace(windows, states, behind)

    def _trace(self, windows: TokenBatch, states: States | None, behind: int) -> TraceBatch:
        scored_N = np.maximum(windows.lengths - 1, 0)
        offsets = offsets_of(scored_N)
        first = np.zeros(len(windows.token_ids), dtype=np.bool_)
        first[windows.offsets[:-1][windows.lengths > 0]] = True
        found = Collected(int(offsets[-1]))
        pending = deque(self._batches(windows, np.flatnonzero(scored_N > 0), behind))
        while pending:
            rows = pending.popleft()
            try:
                with rows_alone(self._model, windows.lengths[rows] if self._packed else None):
                    statistics = self._forward(windows, rows, states)
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                self._shrink(windows, rows, error)
                left = np.concatenate([rows, *pending])
                pending = deque(self._batches(windows, left, behind))
                continue
            found.put(statistics, offsets, rows)
        return TraceBatch(
            origin=self._origin(windows),
            text_W=np.arange(len(windows), dtype=np.int64),
            texts=len(windows),
            offsets=offsets,
            token_ids_T=windows.token_ids[~first],
            logprob_T=found.logprob,
            entropy_T=found.entropy,
            variance_T=found.variance,
            top1_T=found.top1,
            top1_id_T=found.top1_id,
            rank_T=found.rank,
        )

    def force(self, prefixes: TokenBatch, steps: int) -> Continuations:
        """Return the greedy continuation of each prefix by `steps` tokens."""
        self._check(prefixes, more=steps)
        return greedy(self._model, prefixes, steps, budget_tokens=self._batch_tokens)

    def sample(
        self, uniform_NS: npt.NDArray[np.float64], *, top_k: int | None, prefix: Sequence[int] | None = None
    ) -> TokenBatch:
        """Return N texts of at most S tokens, drawn by the given numbers after a prefix; see `sampling.drawn`.

        Without a prefix, after the start token.

        Raises
        ------
        ConfigError
            The model names no start token.
        TargetError
            The context does not hold so many tokens.
        """
        start = self.facts.start_token_id
        before = [*(prefix or ([] if start is None else [start]))]
        if not before:
            raise ConfigError(f"{self.facts.name}: names no start token to sample after (--start-token)")
        self._check(TokenBatch.of([before]), more=uniform_NS.shape[1])
        return drawn(self._model, before, uniform_NS, top_k=top_k, budget_tokens=self._batch_tokens)

    def confirm(self) -> None:
        """Nothing to make sure of: the weights are in this process's memory."""

    def _origin(self, windows: TokenBatch) -> TraceOrigin:
        return TraceOrigin(
            target_digest=self.facts.digest,
            tokenizer_digest=self.facts.tokenizer_digest,
            engine=self.facts.engine,
            dtype=self.facts.dtype,
            start_token_id=None,
            window_tokens=int(windows.lengths.max(initial=0)),
            window_policy="first",
        )

    def _check(self, rows: TokenBatch, more: int = 0) -> None:
        longest = int(rows.lengths.max(initial=0)) + more
        if self._context is not None and longest > self._context:
            raise TargetError(
                f"{self.facts.name}: {longest} tokens in a row, its context holds {self._context}: shorter texts or samples, or windows, fit"
            )
        highest = int(rows.token_ids.max(initial=0))
        if highest >= self.facts.vocabulary_size or int(rows.token_ids.min(initial=0)) < 0:
            raise TargetError(
                f"{self.facts.name}: token id {highest} is outside its vocabulary of {self.facts.vocabulary_size}; "
                "the token ids were made with another tokenizer"
            )

    def _batches(
        self, windows: TokenBatch, rows: npt.NDArray[np.int64], behind: int
    ) -> list[npt.NDArray[np.int64]]:
        parts = batches(windows.lengths[rows], self._batch_tokens, packed=self._packed, behind=behind)
        return [rows[part] for part in parts]

    def _shrink(self, windows: TokenBatch, rows: npt.NDArray[np.int64], error: Exception) -> None:
        if len(rows) == 1:
            raise TargetError(
                f"{self.facts.name}: one window of {int(windows.lengths[rows[0]])} tokens does not fit in the memory of "
                f"{self._input_device}; make windows shorter or spread the checkpoint with --device auto"
            ) from error
        self._batch_tokens = max(int(windows.lengths[rows].sum()) // 2, 1)
        if self._input_device.type == "cuda":
            torch.cuda.empty_cache()

    @torch.inference_mode()
    def _forward(
        self, windows: TokenBatch, rows: npt.NDArray[np.int64], states: States | None
    ) -> TokenStatistics:
        """Return the statistics of the scored tokens of some rows, row after row."""
        ids, positions, before, token_M = lay_out(
            windows, rows, packed=self._packed, device=self._input_device
        )
        given: dict[str, Any] = {"input_ids": ids, "position_ids": positions}
        given["past_key_values"] = None if states is None else cache_behind(states)
        given["use_cache"] = states is not None
        if self.head is None:
            flat = self._model(**given).logits.flatten(0, 1)
        else:
            flat = self._decoder(**given).last_hidden_state.flatten(0, 1).to(self.head.device)
        before, token_M = before.to(flat.device), token_M.to(flat.device)
        parts = []
        for start in range(0, len(token_M), self._chunk_rows):
            chosen = flat[before[start : start + self._chunk_rows]]
            logits_MV = at_least_fp32(chosen) if self.head is None else self.head.logits(chosen)
            parts.append(self._statistics(logits_MV, token_M[start : start + self._chunk_rows]))
        return TokenStatistics(*(torch.cat(columns) for columns in zip(*parts, strict=True)))
