"""Checkpoints in several files, spread by accelerate, or quantised."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from datagov.errors import ConfigError, TargetError
from detectors.lab.train import Lab
from detectors.ragged import TokenBatch
from detectors.targets.opening import OpenOptions, open_target
from detectors.targets.precision import without_tf32
from detectors.targets.target import Target

ROWS = TokenBatch.of([np.arange(2, 60), np.arange(100, 120)])


@pytest.fixture(scope="module")
def sharded(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's checkpoint as save_pretrained cuts it; not to be changed."""
    folder = tmp_path_factory.mktemp("sharded")
    model = transformers.AutoModelForCausalLM.from_pretrained(lab.model)
    model.save_pretrained(folder, max_shard_size="100KB")
    shutil.copy(lab.model / "tokenizer.json", folder)
    return folder


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_a_checkpoint_in_several_files_is_the_one_in_one(
    sharded: Path, lab_target: Target, device: str
) -> None:
    assert len(list(sharded.glob("model-*-of-*.safetensors"))) > 2
    target = open_target(str(sharded), OpenOptions(device=device, dtype="float32"))
    found, expected = target.trace(ROWS), lab_target.trace(ROWS)
    assert np.abs(found.logprob_T - expected.logprob_T).max() <= 1e-5
    assert target.facts.dtype == "float32"


def test_a_checkpoint_can_be_held_in_fp64(lab: Lab, lab_target: Target) -> None:
    target = open_target(str(lab.model), OpenOptions(device="cpu", dtype="float64"))
    assert target.facts.dtype == "float64"
    assert target.capabilities.tolerance_nats == 0
    apart = np.abs(target.trace(ROWS).logprob_T - lab_target.trace(ROWS).logprob_T).max()
    assert 0 < apart <= 1e-4
    with pytest.raises(ConfigError, match="Did you mean 'float64'"):
        open_target(str(lab.model), OpenOptions(device="cpu", dtype="float46"))


def test_fp32_on_a_gpu_is_fp32_whatever_was_asked_for_before(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_float32_matmul_precision()
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    torch.set_float32_matmul_precision("high")
    try:
        without_tf32()
        assert not torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "highest"
    finally:
        torch.set_float32_matmul_precision(before)


def test_every_file_is_part_of_the_name(sharded: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sharded, tmp_path / "model")
    before = open_target(str(folder), OpenOptions(device="cpu")).facts.digest
    assert before == open_target(str(sharded), OpenOptions(device="cpu")).facts.digest
    last = max(folder.glob("model-*.safetensors"))
    save_file({name: 2 * part for name, part in load_file(last).items()}, last, metadata={"format": "pt"})
    assert open_target(str(folder), OpenOptions(device="cpu")).facts.digest != before


def test_a_file_that_is_missing_is_named(sharded: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sharded, tmp_path / "model")
    gone = max(folder.glob("model-*.safetensors"))
    gone.unlink()
    with pytest.raises(TargetError, match=gone.name):
        open_target(str(folder), OpenOptions(device="cpu"))


def said_to_be_quantised(lab: Lab, folder: Path, method: str) -> Path:
    """Return a copy of the lab's checkpoint whose config names a quantisation that its weights do not have."""
    shutil.copytree(lab.model, folder)
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": method, "bits": 4}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_quantised_checkpoint_keeps_its_number_format(lab: Lab, tmp_path: Path) -> None:
    folder = said_to_be_quantised(lab, tmp_path / "model", "gptq")
    with pytest.raises(ConfigError, match="the checkpoint is quantised and says its own number format"):
        open_target(str(folder), OpenOptions(device="cpu", dtype="float32"))


@pytest.mark.parametrize(
    ("method", "says"),
    [("gptq", r"cannot be loaded .*(gptqmodel|optimum)"), ("nonesuch", "does not know and would leave out")],
)
def test_a_quantisation_that_cannot_be_had_is_named(lab: Lab, tmp_path: Path, method: str, says: str) -> None:
    folder = said_to_be_quantised(lab, tmp_path / "model", method)
    with pytest.raises(TargetError, match=says):
        open_target(str(folder), OpenOptions(device="cpu"))


# Of eight bits the library sums in half precision: 0.04 nats were seen; of four 0.9.
@pytest.mark.parametrize(("bits", "nats"), [(8, 0.1), (4, 2.0)])
def test_a_quantised_checkpoint_is_loaded_as_the_library_gives_it(
    lab: Lab, lab_target: Target, tmp_path: Path, bits: int, nats: float
) -> None:
    pytest.importorskip("bitsandbytes", reason="bitsandbytes, the extra `quantised`, is not installed")
    given = {f"load_in_{bits}bit": True} | ({"bnb_4bit_compute_dtype": torch.float32} if bits == 4 else {})
    model = transformers.AutoModelForCausalLM.from_pretrained(
        lab.model, quantization_config=transformers.BitsAndBytesConfig(**given), device_map="cpu"
    )
    model.save_pretrained(tmp_path / "model")
    shutil.copy(lab.model / "tokenizer.json", tmp_path / "model")
    target = open_target(str(tmp_path / "model"), OpenOptions(device="cpu"))
    apart = np.abs(target.trace(ROWS).logprob_T - lab_target.trace(ROWS).logprob_T).max()
    assert 1e-4 < apart < nats
    assert target.facts.dtype == "float32+bitsandbytes"
    assert target.facts.digest != lab_target.facts.digest
