"""What fp32 on a GPU is computed in, tried on a CPU: the same numbers, products of one shape, packed rows that attend one by one."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch.nn import functional

from detectors.targets.rows_alone import RowsAlone, rows_alone

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
    with RowsAlone(LENGTHS, product_rows=8):
        found = model(**packed, use_cache=False).logits[0]
    assert (found - expected).abs().max() < 1e-5
    with RowsAlone(product_rows=8):
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

    with Seen(), RowsAlone(product_rows=8):
        found = layer(given)
        again = layer(torch.cat([given[-1:], torch.full((3, 24), 1e30)]))
    assert set(shapes) == {(8, 24)}
    assert torch.allclose(found, layer(given), atol=1e-6)
    assert torch.equal(again[0], found[-1])


@torch.inference_mode()
def test_a_packed_row_attends_to_itself_alone_bit_by_bit(model: Any) -> None:
    rows = [torch.randint(71, (int(length),)) for length in LENGTHS]
    with RowsAlone(LENGTHS, product_rows=64):
        together = model(**packed_of(rows), use_cache=False).logits[0].split(LENGTHS.tolist())
    for row, found in zip(rows, together, strict=True):
        with RowsAlone(np.array([len(row)]), product_rows=64):
            alone = model(**packed_of([row]), use_cache=False).logits[0]
        assert torch.equal(alone, found)


def test_a_cpu_and_other_number_formats_are_left_as_they_are(model: Any) -> None:
    assert not isinstance(rows_alone(model, None), RowsAlone)
    assert not isinstance(rows_alone(copy.deepcopy(model).to(torch.bfloat16), LENGTHS), RowsAlone)
