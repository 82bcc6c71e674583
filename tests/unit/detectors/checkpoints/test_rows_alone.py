"""What fp32 on a GPU is computed in, tried on a CPU: the same numbers, products of one shape, packed rows that attend one by one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch.nn import functional

from datagov.errors import TargetError
from detectors.ragged import TokenBatch
from detectors.targets.rows_alone import RowsAlone, rows_alone
from detectors.targets.target import TargetFacts
from detectors.targets.transformers_target import TransformersTarget

LENGTHS = np.array([5, 1, 12, 3])
SIZES = {
    "vocab_size": 71,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZES, attention_bias=True)).eval()


def packed_of(rows: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return rows end to end."""
    positions = torch.cat([torch.arange(len(row)) for row in rows])
    return {"input_ids": torch.cat(rows)[None], "position_ids": positions[None]}


@torch.inference_mode()
def test_numbers_are_the_models_own(model: Any) -> None:
    rows = [torch.randint(71, (int(length),)) for length in LENGTHS]
    packed = packed_of(rows)
    expected = torch.cat([model(input_ids=row[None], use_cache=False).logits[0] for row in rows])
    with RowsAlone(LENGTHS, piece_rows=8):
        found = model(**packed, use_cache=False).logits[0]
    assert (found - expected).abs().max() < 1e-5
    with RowsAlone(piece_rows=8):
        padded = functional.pad(rows[0], (0, 4))[None].repeat(3, 1)
        found = model(input_ids=padded, use_cache=False).logits[:, : LENGTHS[0]]
    assert (found - expected[: LENGTHS[0]]).abs().max() < 1e-5


@torch.inference_mode()
@pytest.mark.parametrize("rows", [1, 7, 8, 9, 40])
def test_all_products_have_one_shape_and_no_row_sees_another(rows: int) -> None:
    torch.manual_seed(rows)
    layer, given = torch.nn.Linear(24, 10), torch.randn(rows, 24)
    shapes: list[tuple[int, ...]] = []

    class Seen(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is functional.linear:
                shapes.append(tuple(args[0].shape))
            return func(*args, **(kwargs or {}))

    with Seen(), RowsAlone(piece_rows=8):
        found = layer(given)
        again = layer(torch.cat([given[-1:], torch.full((3, 24), 1e30)]))
    assert set(shapes) == {(8, 24)}
    assert torch.allclose(found, layer(given), atol=1e-6)
    assert torch.equal(again[0], found[-1])


@torch.inference_mode()
def test_a_packed_row_attends_to_itself_alone_bit_by_bit(model: Any) -> None:
    rows = [torch.randint(71, (int(length),)) for length in LENGTHS]
    with RowsAlone(LENGTHS, piece_rows=64):
        together = model(**packed_of(rows), use_cache=False).logits[0].split(LENGTHS.tolist())
    for row, found in zip(rows, together, strict=True):
        with RowsAlone(np.array([len(row)]), piece_rows=64):
            alone = model(**packed_of([row]), use_cache=False).logits[0]
        assert torch.equal(alone, found)


@torch.inference_mode()
def test_packed_rows_are_taken_apart_where_a_mask_does_nothing_else() -> None:
    apart = (
        torch.block_diag(*(torch.ones(int(length), int(length)) for length in LENGTHS))
        .bool()
        .tril()[None, None]
    )
    states = [torch.randn(1, 2, int(LENGTHS.sum()), 8) for _ in range(3)]
    nearer = apart & torch.ones_like(apart).triu(-2)
    biased = torch.where(apart, torch.randn(apart.shape), -torch.inf)
    for mask, calls in ((apart, len(LENGTHS)), (nearer, 1), (biased, 1)):
        expected = functional.scaled_dot_product_attention(*states, attn_mask=mask)
        seen: list[int] = []

        class Seen(torch.overrides.TorchFunctionMode):
            def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
                if func is functional.scaled_dot_product_attention:
                    seen.append(args[0].shape[2])  # noqa: B023 - called before the next mask
                return func(*args, **(kwargs or {}))

        with Seen(), RowsAlone(LENGTHS):
            found = functional.scaled_dot_product_attention(*states, attn_mask=mask)
        assert len(seen) == calls
        assert (found - expected).abs().max() < 1e-6


def test_packed_rows_of_a_model_with_biases_by_distance_are_refused_all_the_same() -> None:
    config = transformers.FalconConfig(
        vocab_size=71, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, alibi=True
    )
    torch.manual_seed(0)
    falcon = transformers.FalconForCausalLM(config).eval()
    facts = TargetFacts("falcon", "falcon", "none", "transformers", "float32", 71, None)

    class OnAGpu(TransformersTarget):
        def _trace(self, windows: TokenBatch, *rest: Any) -> Any:
            with RowsAlone(windows.lengths if self._packed else None):
                return super()._trace(windows, *rest)

    with pytest.raises(TargetError, match="packed rows change each other's numbers"):
        _ = OnAGpu(falcon, None, facts, layout="packed", batch_tokens=10**6).capabilities


@torch.inference_mode()
def test_layers_of_gpt2_are_computed_in_pieces_too() -> None:
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=71, n_embd=32, n_layer=2, n_head=4, n_positions=64)
    gpt2, given = transformers.GPT2LMHeadModel(config).eval(), torch.randint(71, (3, 9))
    shapes: set[int] = set()

    class Seen(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.addmm:
                shapes.add(len(args[1]))
            return func(*args, **(kwargs or {}))

    expected = gpt2(given, use_cache=False).logits
    with Seen(), RowsAlone(piece_rows=16):
        found = gpt2(given, use_cache=False).logits
    assert shapes == {16}
    assert (found - expected).abs().max() < 1e-5


@pytest.mark.parametrize("on_gpu", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_it_is_for_fp32_on_a_gpu(*, on_gpu: bool, dtype: torch.dtype) -> None:
    embeddings = SimpleNamespace(weight=SimpleNamespace(is_cuda=on_gpu))
    there = SimpleNamespace(dtype=dtype, get_input_embeddings=lambda: embeddings)
    assert isinstance(rows_alone(there), RowsAlone) is (on_gpu and dtype == torch.float32)
