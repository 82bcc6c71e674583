"""Training a small Llama on a CPU in seconds to minutes, the same from the same seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils.logging import disable_progress_bar

from detectors.ragged import TokenBatch

__all__ = ["ModelSize", "train_model"]

HEAD = 64
"""Width of an attention head; engines without a GPU know no smaller."""
IGNORED = -100


@dataclass(frozen=True)
class ModelSize:
    """Shape of a model and how it is trained."""

    hidden: int = 128
    layers: int = 4
    inner: int = 384
    vocabulary: int = 2048
    context: int = 256
    batch_rows: int = 16
    rate: float = 2e-3


def train_model(
    rows: TokenBatch,
    size: ModelSize,
    *,
    seed: int,
    told: Callable[[int, int, float], object] = lambda *_: None,
) -> Any:
    """Train a model on rows of token ids, one pass in the order given.

    Parameters
    ----------
    rows : TokenBatch
        BOS, text, EOS; a row longer than the context is cut.
    size : ModelSize
    seed : int
        Of the first weights.
    told : callable
        Hears of each step: its number, how many there are, the loss in nats a token.
    """
    torch.manual_seed(seed)
    disable_progress_bar()  # type: ignore[no-untyped-call]
    model: Any = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=size.vocabulary,
            hidden_size=size.hidden,
            intermediate_size=size.inner,
            num_hidden_layers=size.layers,
            num_attention_heads=size.hidden // HEAD,
            num_key_value_heads=1,
            head_dim=HEAD,
            max_position_embeddings=size.context,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=1,
        )
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=size.rate, betas=(0.9, 0.95), weight_decay=0.01)
    steps = -(-len(rows) // size.batch_rows)
    model.train()
    for step, (ids, labels) in enumerate(_batches(rows, size)):
        for group in optimiser.param_groups:
            group["lr"] = size.rate * _schedule(step, steps)
        loss = model(input_ids=ids, labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        told(step + 1, steps, float(loss.detach()))
    return model.eval()


def _schedule(step: int, steps: int) -> float:
    """Return the share of the full rate: up over the first twentieth, then down by a cosine to a tenth."""
    warm = max(steps // 20, 1)
    if step < warm:
        return (step + 1) / warm
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - warm) / max(steps - warm, 1)))


def _batches(rows: TokenBatch, size: ModelSize) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for start in range(0, len(rows), size.batch_rows):
        chosen = [
            rows.row(row)[: size.context] for row in range(start, min(start + size.batch_rows, len(rows)))
        ]
        ids = np.zeros((len(chosen), max(map(len, chosen))), dtype=np.int64)
        labels = np.full_like(ids, IGNORED)
        for place, row in enumerate(chosen):
            ids[place, : len(row)] = labels[place, : len(row)] = row
        yield torch.from_numpy(ids), torch.from_numpy(labels)
