"""Rows that share one context in memory find what rows with a copy each, and single rows, find."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import engine_of, naive, random_llama

from detectors.fingerprint.engine import ForcingEngine
from detectors.fingerprint.shared_attention import SHARED, attend, attention_by
from detectors.targets.context_states import LONG_CONTEXT

CONTEXT = [0, 5, 9, 11, 3, 4, 8, 6, 7, 2]
TOLERANCE = 1e-4
SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 0,
}
SHARING = {
    "gpt2": transformers.GPT2Config(
        vocab_size=97, n_embd=32, n_layer=2, n_head=4, n_positions=128, bos_token_id=0, eos_token_id=1
    ),
    "qwen3": transformers.Qwen3Config(**SIZES, num_key_value_heads=2, head_dim=8),
    "neox": transformers.GPTNeoXConfig(**SIZES),
    # Own scaling of the scores, and logits that are altered after the output layer.
    "gemma3": transformers.Gemma3TextConfig(
        **SIZES, num_key_value_heads=1, head_dim=8, query_pre_attn_scalar=5, final_logit_softcapping=7.0
    ),
}
COPYING = {
    # Scores are capped, which only the model's own attention knows of.
    "gemma2": transformers.Gemma2Config(**SIZES, num_key_value_heads=2, head_dim=8),
    # Does not hand its attention what it is given.
    "falcon": transformers.FalconConfig(
        vocab_size=97, hidden_size=32, num_hidden_layers=2, num_attention_heads=4
    ),
}


@settings(max_examples=examples(40))
@given(
    rows=st.integers(1, 5),
    heads=st.integers(1, 3),
    group=st.integers(1, 3),
    length=st.integers(0, 7),
    steps=st.integers(1, 7),
    widths=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    seed=st.integers(0, 2**31),
)
def test_attention_is_that_to_a_copy_in_every_row(
    rows: int, heads: int, group: int, length: int, steps: int, widths: tuple[int, int], seed: int
) -> None:
    torch.manual_seed(seed)
    query = torch.randn(rows, heads * group, 1, widths[0], dtype=torch.float64)
    context, own = (
        [torch.randn(count, heads, tokens, width, dtype=torch.float64) for width in widths]
        for count, tokens in ((1, length), (rows, steps))
    )
    keys, values = (
        torch.cat([part.expand(rows, -1, -1, -1), of_row], 2).repeat_interleave(group, 1)
        for part, of_row in zip(context, own, strict=True)
    )
    expected = torch.softmax(query @ keys.transpose(2, 3) * 0.3, -1) @ values
    found = attend(query, (context[0], context[1]), own[0], own[1], 0.3)
    assert found.shape == (rows, 1, heads * group, widths[1])
    # The softmax is made in fp32.
    assert (found[:, 0] - expected[:, :, 0]).abs().max() < 1e-5


def made(config: Any) -> Any:
    """Return a model of random weights with peaked predictions."""
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(30.0)
    return model


@pytest.mark.parametrize("family", [*SHARING, *COPYING])
def test_families_that_cannot_share_are_seen_and_all_find_what_the_plain_way_finds(family: str) -> None:
    model = made((SHARING | COPYING)[family])
    by_hand = not family.startswith("gemma")
    engine = engine_of(model, CONTEXT, rows=16, by_hand=by_hand, share_context=True)
    copying = engine_of(model, CONTEXT, rows=16, by_hand=by_hand, share_context=False)
    assert (engine.row_bytes(5) < copying.row_bytes(5)) is (family in SHARING)
    seeds = np.arange(2, 97, dtype=np.int32)
    paths, copied = engine.extend(seeds, 5), copying.extend(seeds, 5)
    assert paths.token_NS.tolist() == copied.token_NS.tolist()
    assert np.abs(paths.logprob_NS - copied.logprob_NS).max() < TOLERANCE
    for row in range(0, len(seeds), 24):
        tokens, logprobs = naive(model, CONTEXT, int(seeds[row]), 5)
        assert paths.token_NS[row].tolist() == tokens
        assert np.abs(paths.logprob_NS[row] - logprobs).max() < TOLERANCE


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_number_formats_share_as_exactly_as_they_copy(dtype: torch.dtype) -> None:
    exact = made(SHARING["qwen3"])
    model = made(SHARING["qwen3"]).to(dtype)
    seeds = np.arange(2, 97, dtype=np.int32)
    engines = [ForcingEngine(model, None, CONTEXT, rows=16, share_context=share) for share in (True, False)]
    assert engines[0].row_bytes(1) < engines[1].row_bytes(1)
    expected = ForcingEngine(exact, None, CONTEXT, rows=16, share_context=False).first_step(seeds)
    shared, copied = (
        np.abs(engine.first_step(seeds).logprob_NS - expected.logprob_NS).mean() for engine in engines
    )
    assert shared <= 1.5 * copied + 1e-6


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_large_scores_are_not_lost_before_they_are_scaled(dtype: torch.dtype) -> None:
    query, key = torch.full((2, 2, 1, 64), 60.0, dtype=dtype), torch.full((2, 2, 3, 64), 60.0, dtype=dtype)
    context = (torch.full((1, 2, 5, 64), 60.0, dtype=dtype), torch.ones((1, 2, 5, 64), dtype=dtype))
    found = attend(query, context, key, torch.zeros_like(key), 1 / 64)
    assert torch.allclose(found.float(), torch.full((2, 1, 2, 64), 5 / 8), atol=1e-3)


def test_numbers_that_are_none_are_no_agreement() -> None:
    model = made(SHARING["qwen3"])
    with torch.no_grad():
        model.model.layers[0].self_attn.v_proj.weight[0, 0] = float("nan")
    engines = [ForcingEngine(model, None, CONTEXT, share_context=share) for share in (True, False)]
    assert engines[0].row_bytes(1) == engines[1].row_bytes(1)


@pytest.mark.parametrize("context", [[], [0], CONTEXT])
def test_every_length_can_be_shared(context: list[int]) -> None:
    model = random_llama()
    seeds = np.arange(2, 97, dtype=np.int32)
    one, other = (
        engine_of(model, context, rows=40, share_context=share).extend(seeds, 6) for share in (True, False)
    )
    assert one.token_NS.tolist() == other.token_NS.tolist()
    assert np.abs(one.logprob_NS - other.logprob_NS).max() < TOLERANCE


def test_a_long_context_is_not_copied() -> None:
    model = random_llama()
    long, short = (engine_of(model, CONTEXT[:length]) for length in (LONG_CONTEXT, LONG_CONTEXT - 1))
    assert long.row_bytes(3) * (LONG_CONTEXT - 1 + 3) == short.row_bytes(3) * 3


def test_the_model_attends_as_before_afterwards() -> None:
    model = random_llama()
    before = model.config._attn_implementation
    engine = ForcingEngine(model, None, CONTEXT)
    engine.first_step(np.arange(2, 9, dtype=np.int32))
    assert model.config._attn_implementation == before
    with pytest.raises(RuntimeError, match="injected"), attention_by(model.config, SHARED):
        raise RuntimeError("injected")
    assert model.config._attn_implementation == before
