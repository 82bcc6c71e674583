"""How far numbers depend on the batch: measured in each layout, of the size that many tokens show, and said where fp32 keeps too little."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from in_process import ran
from transformers import BloomConfig, BloomForCausalLM, LlamaConfig, LlamaForCausalLM

from datagov.errors import TargetError
from detectors.lab.train import Lab
from detectors.ragged import TokenBatch
from detectors.targets.target import TargetFacts
from detectors.targets.tolerance import tokens_to_measure
from detectors.targets.transformers_target import LAYOUTS, TransformersTarget


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_stored_is_of_the_size_that_many_tokens_show(
    random_model: Any, facts: TargetFacts, layout: str
) -> None:
    half = TransformersTarget(copy.deepcopy(random_model).to(torch.bfloat16), None, facts, layout=layout)
    generator = np.random.default_rng(7)
    rows = TokenBatch.of([generator.integers(700, size=size) for size in generator.integers(2, 256, size=24)])
    alone = [half.trace(rows.part(row, row + 1)).logprob_T for row in range(len(rows))]
    together = half.trace(rows).logprob_T
    seen = float(np.abs(together - np.concatenate(alone)).max())
    assert len(together) > 2500
    stored = half.capabilities.tolerance_nats
    # A thousand differences in half precision: most are 0, and the largest of a few thousand is a few times theirs.
    assert seen / 8 <= stored <= 3 * seen


def test_packed_rows_that_are_not_kept_apart_are_refused(facts: TargetFacts) -> None:
    torch.manual_seed(0)
    model = BloomForCausalLM(BloomConfig(vocab_size=700, hidden_size=32, n_layer=2, n_head=4)).eval()
    padded = TransformersTarget(model, None, facts)
    assert padded.capabilities.tolerance_nats <= 1e-5
    with pytest.raises(TargetError, match=r"packed rows change each other's numbers.* use --layout padded"):
        _ = TransformersTarget(model, None, facts, layout="packed").capabilities


def test_small_models_are_measured_on_more_tokens() -> None:
    assert tokens_to_measure(200_000, "cpu") == 1024
    assert tokens_to_measure(20_000_000, "cpu") == 150
    assert tokens_to_measure(8_000_000_000, "cpu") == 128
    assert tokens_to_measure(1_000_000_000, "cuda") == 4096


@pytest.fixture(scope="module")
def coarse(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose logits are so large that fp32 loses more than 1e-4 nats of them."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=512,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        bos_token_id=0,
        eos_token_id=None,
    )
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(60.0)
    folder = tmp_path_factory.mktemp("coarse")
    model.save_pretrained(folder)
    shutil.copy(lab.model / "tokenizer.json", folder)
    return folder


def test_fp32_that_keeps_too_little_is_said_once(coarse: Path, lab: Lab, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("Bala kodi bala.")
    score = ("detect", "score", "--texts", texts, "--methods", "loss", "--device", "cpu", "--target")
    check = ("detect", "target", "check", "--device", "cpu")
    for command in (check, score):
        said = ran(*command, coarse)
        assert said.code == 0, said.err
        assert said.err.count("above 0.0001; --dtype float64 gives the same numbers in every batch") == 1
        for quiet in (ran(*command, coarse, "--dtype", "float64"), ran(*command, lab.model)):
            assert quiet.code == 0, quiet.err
            assert "--dtype float64" not in quiet.err
