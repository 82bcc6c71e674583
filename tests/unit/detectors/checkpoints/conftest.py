"""Fixtures for targets: a small trained model and a small random one, each made once."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lab_models import small_lab
from transformers import LlamaConfig, LlamaForCausalLM

from detectors.lab.train import Lab
from detectors.targets.opening import OpenOptions, open_target
from detectors.targets.target import Target, TargetFacts


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A trained lab; not to be changed."""
    return small_lab(tmp_path_factory.mktemp("lab") / "lab")


@pytest.fixture(scope="session")
def random_model() -> Any:
    """A Llama of random weights with sharp distributions, in fp32."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=700,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=256,
        eos_token_id=None,
    )
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0)
    return model


@pytest.fixture(scope="session")
def facts() -> TargetFacts:
    """What is said of the random model."""
    return TargetFacts("random", "digest", "none", "transformers", "float32", 700, 0)


@pytest.fixture(scope="session")
def lab_target(lab: Lab) -> Target:
    """The lab's checkpoint, opened as a user would."""
    return open_target(str(lab.model), OpenOptions(device="cpu"))
