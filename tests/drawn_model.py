"""A checkpoint of random weights to draw from: it prefers some tokens, and has many that end a text."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers
from tokenizing import make_tokenizer

from datagov.tokenizer import load_tokenizer

__all__ = ["ENDS", "save_drawn_model"]

ENDS = {1, *range(2, 60)}


def save_drawn_model(folder: Path, *, context: int) -> Path:
    """Write the checkpoint and its tokenizer to a folder; return the folder."""
    torch.set_num_threads(1)
    torch.manual_seed(4)
    tokenizer = load_tokenizer(make_tokenizer(folder, vocabulary=300).parent)
    config = transformers.LlamaConfig(
        vocab_size=tokenizer.vocabulary_size,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=context,
        bos_token_id=0,
        eos_token_id=sorted(ENDS),
        tie_word_embeddings=False,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        model.lm_head.weight.mul_(20.0)
    model.save_pretrained(folder)
    return folder
