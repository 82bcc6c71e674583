"""Models whose continuations are known: a Markov chain in closed form, and small random transformers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import transformers

from detectors.fingerprint.engine import ForcingEngine
from detectors.targets.output_head import head_of
from detectors.targets.target import TargetFacts
from detectors.targets.transformers_target import TransformersTarget


def markov_model(logits_VV: np.ndarray) -> Any:
    """Return a model without layers: after token v, and whatever came before, its logits are row v.

    The embedding is one-hot and the norm makes it sqrt(V) long, which the output layer undoes.
    """
    size = len(logits_VV)
    config = transformers.LlamaConfig(
        vocab_size=size,
        hidden_size=size,
        intermediate_size=1,
        num_hidden_layers=0,
        num_attention_heads=1,
        max_position_embeddings=256,
        rms_norm_eps=0.0,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=1,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(torch.eye(size))
        model.lm_head.weight.copy_(torch.from_numpy(logits_VV.T / np.sqrt(size)).float())
    return model


def random_llama(*, vocabulary: int = 97, tied: bool = False, scale: float = 30.0, seed: int = 0) -> Any:
    """Return a small transformer with peaked predictions."""
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        tie_word_embeddings=tied,
        bos_token_id=0,
        eos_token_id=1,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(scale)
    return model


def engine_of(
    model: Any,
    context: list[int],
    rows: int | None = None,
    *,
    by_hand: bool = True,
    share_context: bool | None = None,
) -> ForcingEngine:
    """Return the engine over a model, with the output layer applied by hand or by the model."""
    head = head_of(model, model.get_decoder()) if by_hand else None
    assert (head is not None) is by_hand
    return ForcingEngine(model, head, context, rows=rows, share_context=share_context)


def target_of(model: Any, tokenizer: Any = None, name: str = "tiny") -> TransformersTarget:
    """Return a model as a target."""
    digest = "none" if tokenizer is None else tokenizer.digest
    facts = TargetFacts(
        name, name, digest, "transformers", "float32", model.config.vocab_size, model.config.bos_token_id
    )
    return TransformersTarget(model, tokenizer, facts)


@torch.inference_mode()
def naive(model: Any, context: list[int], seed: int, steps: int) -> tuple[list[int], list[float]]:
    """Continue one seed without a cache and without a batch, in fp32: the plain way."""
    ids, tokens, logprobs = [*context, seed], [], []
    for _ in range(steps):
        scores = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].float().log_softmax(-1)
        token = int(scores.argmax())
        tokens.append(token)
        logprobs.append(float(scores[token]))
        ids.append(token)
    return tokens, logprobs
