"""Run the fused steps of a decoder, on a CPU through Triton's interpreter: a program for a process of its own.

    TRITON_INTERPRET=1 python tests/interpreted_steps.py FOUND.json    fp32 on a CPU
    PYTHONPATH=. python tests/interpreted_steps.py FOUND.json cuda     bf16 on a GPU

Writes, for families of random weights, whether the fused decoder takes their parts, whether it says it agrees with the model, and how
far its hidden states after some steps lie from the model's own. Triton decides when it is imported whether it compiles.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from detectors.fingerprint.engine import ForcingEngine
from detectors.fingerprint.fused_layer import has_common_parts
from detectors.fingerprint.fused_steps import FusedDecoder
from detectors.fingerprint.pruning import RULES
from detectors.fingerprint.row_steps import UNLIKE, ModelSteps
from detectors.targets.context_states import read_states
from detectors.targets.output_head import head_of

SIZES: dict[str, Any] = {
    "vocab_size": 61,
    "hidden_size": 48,
    "intermediate_size": 72,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "head_dim": 32,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
}
FAMILIES = {
    "llama": transformers.LlamaConfig(**SIZES, num_key_value_heads=2),
    "llama_one_key_head": transformers.LlamaConfig(**SIZES, num_key_value_heads=1),
    "llama_three_of_a_key": transformers.LlamaConfig(
        **SIZES | {"num_attention_heads": 6}, num_key_value_heads=2
    ),
    "llama_stretched": transformers.LlamaConfig(
        **SIZES,
        num_key_value_heads=4,
        attention_bias=True,
        rope_parameters={
            "rope_type": "yarn",
            "factor": 4.0,
            "rope_theta": 1e4,
            "original_max_position_embeddings": 32,
        },
    ),
    "qwen2": transformers.Qwen2Config(**SIZES, num_key_value_heads=2),
    "qwen3": transformers.Qwen3Config(**SIZES, num_key_value_heads=2),
    "mistral": transformers.MistralConfig(**SIZES, num_key_value_heads=2, sliding_window=64),
    # Embeddings are scaled; norms stand after the blocks; one norm for both blocks; products are joined.
    "gemma": transformers.GemmaConfig(**SIZES, num_key_value_heads=1),
    "olmo2": transformers.Olmo2Config(**SIZES, num_key_value_heads=4),
    "cohere": transformers.CohereConfig(**SIZES, num_key_value_heads=2),
    "glm": transformers.GlmConfig(**SIZES, num_key_value_heads=2),
    # The common parts, but another gate, scaled sums, heads turned in part, layers without positions.
    "llama_gelu": transformers.LlamaConfig(**SIZES, num_key_value_heads=2, hidden_act="gelu"),
    "granite": transformers.GraniteConfig(**SIZES, num_key_value_heads=2, residual_multiplier=0.5),
    "stablelm": transformers.StableLmConfig(
        **SIZES | {"hidden_size": 128},
        num_key_value_heads=2,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5},
    ),
    "smollm3": transformers.SmolLM3Config(**SIZES, num_key_value_heads=2, no_rope_layer_interval=2),
}
STEPS = 4
ROWS = 13
CONTEXTS = {"llama": (0, 1, 33)}
"""Tokens of the contexts that a family is tried after; one of 33 for the others."""


def model_of(config: Any) -> Any:
    """Return a model of random weights, norms and biases included."""
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * (0.3 if weight.ndim == 1 else 0.1))
    return model.to("cuda", torch.bfloat16) if "cuda" in sys.argv else model


@torch.inference_mode()
def found_of(model: Any, context: list[int]) -> dict[str, Any]:
    """Return what is written of a model after a context."""
    decoder = model.get_decoder()
    states = read_states(model, decoder, context)
    assert states is not None
    config = model.config
    if not has_common_parts(decoder):
        return {"parts": False}
    fused = FusedDecoder(decoder, states)
    try:
        agrees = fused.agrees_with(ModelSteps(config, decoder, states, 2, shared=False))
    except UNLIKE:
        agrees = False
    if not agrees:
        return {"parts": True, "agrees": False}
    ours, theirs = fused.steps(STEPS), ModelSteps(config, decoder, states, STEPS, shared=False)
    token_A = torch.arange(ROWS, device=model.device) % SIZES["vocab_size"]
    gaps = []
    for step in range(STEPS):
        said, expected = ours.feed(token_A, step), theirs.feed(token_A, step)
        gaps.append(float((said - expected).abs().max() / expected.abs().max()))
        token_A = (token_A * 7 + 3) % SIZES["vocab_size"]
        if step == 1:
            kept = torch.arange(0, len(token_A), 3, device=model.device)
            token_A = token_A[kept]
            ours.select(kept)
            theirs.select(kept)
    alone = fused.steps(1).feed(token_A, 0)
    return {
        "parts": True,
        "agrees": agrees,
        "gaps": gaps,
        "alone": float((alone - theirs.feed(token_A, 0)).abs().max()),
    }


class Cramped(ForcingEngine):
    """Memory for five rows."""

    def _step(self, given_A: torch.Tensor, *rest: Any) -> tuple[torch.Tensor, torch.Tensor]:
        if len(given_A) > 5:
            raise torch.OutOfMemoryError
        return super()._step(given_A, *rest)


def swept(model: Any) -> dict[str, Any]:
    """Return how far a pruned sweep by the engine, where memory runs out, lies from one by the model's own steps."""
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(20.0)
    head, context = head_of(model, model.get_decoder()), [1]
    theirs = ForcingEngine(model, head, context, own_steps=False)
    ours = Cramped(model, head, context, rows=16, own_steps=False)
    states = read_states(model, model.get_decoder(), context)
    assert states is not None
    ours._context._fused = FusedDecoder(model.get_decoder(), states)
    seeds = np.arange(2, SIZES["vocab_size"], dtype=np.int32)
    given = {"rule": RULES["reference"], "margin": 0.01}
    found, expected = (engine.extend(seeds, STEPS, **given) for engine in (ours, theirs))
    return {
        "own_steps": ours.own_steps,
        "rows": ours.rows,
        "given_up": int((expected.token_NS < 0).any(1).sum()),
        "kept": int((expected.token_NS >= 0).all(1).sum()),
        "same": found.token_NS.tolist() == expected.token_NS.tolist(),
        "gap": float(np.nanmax(np.abs(found.logprob_NS - expected.logprob_NS))),
    }


def main() -> None:
    """Try every family, and the engine with one."""
    found: dict[str, Any] = {}
    for family, config in FAMILIES.items():
        model = model_of(config)
        for length in CONTEXTS.get(family, (33,)):
            context = [(7 * place + 1) % SIZES["vocab_size"] for place in range(length)]
            found.setdefault(family, {})[length] = found_of(model, context)
    if "cuda" not in sys.argv:
        found["engine"] = swept(model_of(FAMILIES["llama"]))
    Path(sys.argv[1]).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
