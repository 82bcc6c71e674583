"""A Llama small enough for any engine and any machine, with random weights; no test logic."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizing import make_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

__all__ = ["make_model"]


def make_model(folder: Path, *, vocabulary: int = 400) -> Path:
    """Write a checkpoint of two layers with its tokenizer; heads of 64, the least some engines take."""
    make_tokenizer(folder, vocabulary=vocabulary)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=64,
        max_position_embeddings=512,
        bos_token_id=0,
        eos_token_id=1,
        initializer_range=0.2,  # large enough that tokens differ in probability
        tie_word_embeddings=False,
        dtype="float32",
    )
    LlamaForCausalLM(config).save_pretrained(folder, safe_serialization=True)
    return folder
