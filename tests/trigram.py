"""A model small enough to be worked out by hand: the next token depends on the last two. No test logic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datagov.tokenizer import load_tokenizer
from detectors.ragged import TokenBatch, offsets_of
from detectors.targets.target import Capabilities, Continuations, TargetFacts
from detectors.trace import TraceBatch, TraceOrigin

__all__ = ["TrigramTarget"]


class TrigramTarget:
    """ln p(x | w, v) is the log-softmax of A[v] + B[w] for fixed random A and B over the tokenizer's vocabulary."""

    def __init__(self, tokenizer: Path, *, seed: int = 0) -> None:
        self._tokenizer = load_tokenizer(tokenizer)
        size = self._tokenizer.vocabulary_size
        random = np.random.default_rng(seed)
        self._last, self._before = random.normal(0, 2, (2, size + 1, size))
        self.capabilities = Capabilities(
            prompt_logprobs="exact",
            generated_logprobs="exact",
            id_prompts=True,
            statistics=frozenset({"rank", "top1"}),
        )
        self.facts = TargetFacts(
            name="trigram",
            digest=f"trigram-{seed}",
            tokenizer_digest=self._tokenizer.digest,
            engine="trigram",
            dtype="float64",
            vocabulary_size=size,
            start_token_id=self._tokenizer.start_token_id,
        )

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        return TokenBatch(*self._tokenizer.encode(texts))

    def decode(self, token_ids: Sequence[int]) -> str:
        return self._tokenizer.decode(token_ids)

    def trace(self, windows: TokenBatch) -> TraceBatch:
        counts = np.maximum(windows.lengths - 1, 0)
        kept = np.flatnonzero(counts)
        rows = [windows.row(int(row)) for row in kept]
        tables = [self.log_softmax(row)[:-1] for row in rows]
        ids = np.concatenate([np.empty(0, np.int32), *(row[1:] for row in rows)])
        logprobs = np.concatenate([np.empty((0, self.facts.vocabulary_size)), *tables])
        own = logprobs[np.arange(len(ids)), ids]
        return TraceBatch(
            origin=TraceOrigin(
                target_digest=self.facts.digest,
                tokenizer_digest=self.facts.tokenizer_digest,
                engine=self.facts.engine,
                dtype=self.facts.dtype,
                start_token_id=self.facts.start_token_id,
                window_tokens=int(windows.lengths.max(initial=0)),
                window_policy="first",
            ),
            text_W=kept,
            texts=len(windows),
            offsets=offsets_of(counts[kept].tolist()),
            token_ids_T=ids,
            logprob_T=own.astype(np.float32),
            rank_T=(logprobs > own[:, None]).sum(axis=1).astype(np.int32),
            top1_T=logprobs.max(axis=1, initial=-np.inf).astype(np.float32),
            top1_id_T=logprobs.argmax(axis=1).astype(np.int32),
        )

    def force(self, prefixes: TokenBatch, steps: int) -> Continuations:
        ids = np.zeros((len(prefixes), steps), np.int32)
        values = np.zeros((len(prefixes), steps), np.float32)
        for row in range(len(prefixes)):
            context = prefixes.row(row).tolist()
            for step in range(steps):
                logprobs = self.log_softmax(np.array(context))[-1]
                context.append(int(logprobs.argmax()))
                ids[row, step], values[row, step] = context[-1], logprobs.max()
        return Continuations(ids, values)

    def confirm(self) -> None:
        pass

    def log_softmax(self, row: np.ndarray) -> np.ndarray:
        """Return ln p of every next token after each position, float64[n, V]."""
        before = np.concatenate([[self.facts.vocabulary_size], row[:-1]])
        logits = self._last[row] + self._before[before]
        logits = logits - logits.max(axis=1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
