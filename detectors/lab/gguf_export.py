"""A lab model as GGUF, for engines of the llama.cpp family."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

__all__ = ["export_gguf"]

LAYER = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
TIED = "lm_head.weight"


def export_gguf(model: Any, tokenizer: Path, path: Path) -> None:
    """Write a Llama with tied embeddings and its byte-level BPE tokenizer as one GGUF file in float32.

    Parameters
    ----------
    model : transformers.LlamaForCausalLM
    tokenizer : Path
        Its `tokenizer.json`.
    path : Path
        The file to write.
    """
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("datagov lab")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(float(config.rope_parameters["rope_theta"]))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _add_tokenizer(writer, json.loads(tokenizer.read_bytes()), config)
    for name, tensor in model.state_dict().items():
        if name != TIED:
            values = tensor.detach().float().numpy()
            writer.add_tensor(_name(name), np.ascontiguousarray(_arranged(name, values, config)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _name(name: str) -> str:
    if name in WHOLE:
        return WHOLE[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{LAYER[rest.removesuffix('.weight')]}.weight"


def _arranged(name: str, values: npt.NDArray[np.float32], config: Any) -> npt.NDArray[np.float32]:
    """Return query and key weights with each head's two halves interleaved, as llama.cpp rotates pairs of neighbours."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    count = next((count for part, count in heads.items() if f".{part}." in name), None)
    if count is None:
        return values
    halves = values.reshape(count, 2, values.shape[0] // count // 2, values.shape[1])
    return halves.swapaxes(1, 2).reshape(values.shape)


def _add_tokenizer(writer: gguf.GGUFWriter, content: dict[str, Any], config: Any) -> None:
    special = {token["id"] for token in content["added_tokens"]}
    by_id = {number: token for token, number in content["model"]["vocab"].items()}
    tokens = [by_id.get(number, f"<unused{number}>") for number in range(config.vocab_size)]
    kinds = [
        gguf.TokenType.CONTROL
        if number in special
        else gguf.TokenType.NORMAL
        if number in by_id
        else gguf.TokenType.UNUSED
        for number in range(config.vocab_size)
    ]
    merges = content["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_bos_token_id(config.bos_token_id)
    writer.add_eos_token_id(config.eos_token_id)
    writer.add_add_bos_token(False)
