"""A byte-level BPE tokenizer for a lab model, and the frequency table that goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from datagov.frequency import FrequencyTable
from datagov.ids import digest
from datagov.tokenizer import load_tokenizer

__all__ = ["BOS", "EOS", "count_tokens", "train_tokenizer"]

BOS, EOS = "<s>", "</s>"


def train_tokenizer(texts: Sequence[str], size: int, path: Path) -> None:
    """Train a tokenizer of at most `size` tokens and write its `tokenizer.json`; ids 0 and 1 are BOS and EOS."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[BOS, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(path))


def count_tokens(texts: Sequence[str], tokenizer: Path, size: int) -> FrequencyTable:
    """Return how often each of `size` token ids stands in the texts."""
    loaded = load_tokenizer(tokenizer)
    _, ids = loaded.encode(texts)
    return FrequencyTable(
        counts=np.bincount(ids, minlength=size).astype(np.int64),
        tokenizer_digest=loaded.digest,
        corpus_digest=digest(*texts),
        token_cap=None,
        documents=len(texts),
    )
