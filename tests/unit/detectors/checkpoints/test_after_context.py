"""What all rows have before them is read once, and their tokens get the numbers of whole rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers

from datagov.errors import TargetError
from detectors.ragged import TokenBatch
from detectors.targets.context_states import LONG_CONTEXT
from detectors.targets.target import SharesContext, TargetFacts
from detectors.targets.transformers_target import TransformersTarget
from detectors.targets.windows import WindowPlan, trace_texts
from detectors.trace import TOKEN_COLUMNS, TraceBatch

NATS = 1e-4
SIZES = {
    "vocab_size": 700,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 0,
}
READ_ONCE = {
    "llama": transformers.LlamaConfig(**SIZES, num_key_value_heads=2),
    "gpt2": transformers.GPT2Config(
        vocab_size=700, n_embd=64, n_layer=2, n_head=4, n_positions=256, bos_token_id=0, eos_token_id=1
    ),
    "gemma2": transformers.Gemma2Config(
        **SIZES, num_key_value_heads=2, head_dim=16, sliding_window=200, attn_logit_softcapping=5.0
    ),
    "bloom": transformers.BloomConfig(vocab_size=700, hidden_size=64, n_layer=2, n_head=4),
    "long window": transformers.MistralConfig(**SIZES, num_key_value_heads=2, sliding_window=200),
}
READ_AGAIN = {
    "short window": transformers.MistralConfig(**SIZES, num_key_value_heads=2, sliding_window=40),
    "chunks": transformers.Llama4TextConfig(
        **SIZES,
        num_key_value_heads=2,
        head_dim=16,
        intermediate_size_mlp=96,
        num_local_experts=2,
        attention_chunk_size=40,
    ),
    "no attention": transformers.MambaConfig(
        vocab_size=700, hidden_size=64, num_hidden_layers=2, state_size=8, bos_token_id=0, eos_token_id=1
    ),
}
CONTEXT = tuple(np.random.default_rng(2).integers(2, 700, 50).tolist())


@pytest.fixture(scope="module")
def rows() -> TokenBatch:
    generator = np.random.default_rng(5)
    return TokenBatch.of([generator.integers(2, 700, size) for size in (1, 2, 3, 17, 64, 90, 0, 33)])


def target_of(config: Any, **options: Any) -> TransformersTarget:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.0)
    return TransformersTarget(
        model, None, TargetFacts("random", "digest", "none", "transformers", "float32", 700, 0), **options
    )


def whole_rows(target: TransformersTarget, rows: TokenBatch) -> TraceBatch:
    """Return the traces of rows with their context, and of these the tokens behind it."""
    return target.trace(TokenBatch.of([[*CONTEXT, *rows.row(row)] for row in range(len(rows))]))


def hold_against(target: TransformersTarget, found: TraceBatch, rows: TokenBatch) -> None:
    whole = whole_rows(target, rows)
    for row in range(len(rows)):
        place = slice(found.offsets[row], found.offsets[row + 1])
        scored = max(len(rows.row(row)) - 1, 0)
        assert place.stop - place.start == scored
        theirs = slice(whole.offsets[row + 1] - scored, whole.offsets[row + 1])
        for name in set(TOKEN_COLUMNS) - {"rank_T", "top_TK", "top1_id_T"}:
            apart = getattr(found, name)[place] - getattr(whole, name)[theirs]
            assert np.abs(apart).max(initial=0.0) <= NATS, name


@pytest.mark.parametrize("family", READ_ONCE)
@pytest.mark.parametrize("budget", [1, 100, 100_000])
def test_rows_behind_a_context_get_the_numbers_of_whole_rows(
    family: str, budget: int, rows: TokenBatch
) -> None:
    target = target_of(READ_ONCE[family], batch_tokens=budget)
    fed: list[int] = []
    handle = target.model.get_decoder().register_forward_pre_hook(
        lambda _module, _args, given: fed.append(given["input_ids"].shape[1]), with_kwargs=True
    )
    found = target.trace_after(CONTEXT, rows)
    handle.remove()
    assert found is not None
    assert [length for length in fed if length >= len(CONTEXT)].count(len(CONTEXT)) == 1
    assert max(fed) == rows.lengths.max()
    hold_against(target, found, rows)


@pytest.mark.parametrize("family", READ_AGAIN)
def test_models_that_must_read_it_again_say_so_and_are_traced_by_whole_rows(family: str) -> None:
    target = target_of(READ_AGAIN[family])
    assert isinstance(target, SharesContext)
    texts = TokenBatch.of([[5, 6, 7, 8], [], [9] * 20])
    assert target.trace_after(CONTEXT, texts) is None
    found = trace_texts(target, texts, WindowPlan(30, "disjoint", 0, CONTEXT[:-1]))
    by_hand = target.trace(TokenBatch.of([[0, *CONTEXT[:-1], 5, 6, 7, 8]]))
    assert np.abs(found.logprob_T[:4] - by_hand.logprob_T[-4:]).max() <= NATS
    assert found.offsets.tolist() == [0, 4, 24]


def test_a_short_context_is_read_with_the_rows(rows: TokenBatch) -> None:
    target = target_of(READ_ONCE["llama"])
    assert target.trace_after(CONTEXT[: LONG_CONTEXT - 1], rows) is None
    assert target.trace_after(CONTEXT[:LONG_CONTEXT], rows) is not None
    assert target_of(READ_ONCE["llama"], layout="packed").trace_after(CONTEXT, rows) is None


def test_ids_beyond_the_model_are_refused_before_the_rows_too(rows: TokenBatch) -> None:
    with pytest.raises(TargetError, match="700 is outside its vocabulary of 700"):
        target_of(READ_ONCE["llama"]).trace_after([*CONTEXT, 700], rows)


@pytest.mark.parametrize("start", [None, 0])
def test_windows_behind_a_prefix_are_the_same_either_way(start: int | None, rows: TokenBatch) -> None:
    target = target_of(READ_ONCE["llama"])
    plan = WindowPlan(40, "disjoint", start, CONTEXT)
    once = trace_texts(target, rows, plan)
    again = trace_texts(target_of(READ_ONCE["llama"], layout="packed"), rows, plan)
    assert once.origin == again.origin
    assert once.token_ids_T.tolist() == rows.token_ids.tolist()
    assert np.array_equal(once.text_W, again.text_W)
    assert np.array_equal(once.offsets, again.offsets)
    assert np.abs(once.logprob_T - again.logprob_T).max() <= NATS
    assert np.mean(once.rank_T != again.rank_T) < 0.01


def test_memory_that_runs_out_makes_batches_smaller(rows: TokenBatch) -> None:
    target = target_of(READ_ONCE["llama"])

    def refuse(_module: Any, _args: Any, given: dict[str, Any]) -> None:
        if given["input_ids"].numel() > 150:
            raise torch.OutOfMemoryError("CUDA out of memory")

    handle = target.model.get_decoder().register_forward_pre_hook(refuse, with_kwargs=True)
    found = target.trace_after(CONTEXT, rows)
    assert found is not None
    assert target.batch_tokens < 1024
    assert target.trace_after(CONTEXT * 4, TokenBatch.of([[5, 6]])) is None
    handle.remove()
    hold_against(target_of(READ_ONCE["llama"]), found, rows)
