"""Which checkpoints are opened, which are refused, and what an opened one is called."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizing import make_tokenizer

from datagov.errors import ConfigError, InputError, TargetError
from detectors.lab.train import Lab
from detectors.ragged import TokenBatch
from detectors.targets.opening import OpenOptions, open_target
from detectors.targets.target import Target

CPU = OpenOptions(device="cpu")
Spoil = Callable[[Path], object]


@pytest.fixture
def copied(lab: Lab, tmp_path: Path) -> Path:
    return shutil.copytree(lab.model, tmp_path / "model")


def with_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def as_pickle(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (as_pickle, TargetError, r"no safetensors; it holds pytorch_model\.bin, which can run code"),
        (
            lambda folder: with_config(folder, auto_map={"AutoModelForCausalLM": "own.Model"}),
            TargetError,
            "auto_map asks for the checkpoint's own code",
        ),
        (lambda folder: with_config(folder, model_type="nonesuch"), TargetError, "cannot be loaded"),
        (lambda folder: (folder / "config.json").unlink(), TargetError, "no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), TargetError, "not JSON"),
        (lambda folder: (folder / "tokenizer.json").unlink(), InputError, "no tokenizer.json"),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(b"12345678{}"),
            TargetError,
            "cannot be loaded",
        ),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_refused(
    copied: Path, spoil: Spoil, error: type[Exception], says: str
) -> None:
    spoil(copied)
    with pytest.raises(error, match=says):
        open_target(str(copied), CPU)


def test_another_models_tokenizer_is_refused(copied: Path) -> None:
    path = copied / "tokenizer.json"
    content = json.loads(path.read_text())
    content["added_tokens"].append(
        {**content["added_tokens"][0], "id": 512, "content": "<more>"},
    )
    path.write_text(json.dumps(content))
    with pytest.raises(TargetError, match="its tokenizer knows 513 tokens and its output layer 512"):
        open_target(str(copied), CPU)


def test_a_tokenizer_beside_its_own_is_taken_if_it_is_the_same(lab: Lab, tmp_path: Path) -> None:
    opened = open_target(str(lab.model), OpenOptions(device="cpu", tokenizer=lab.model / "tokenizer.json"))
    other = make_tokenizer(tmp_path, vocabulary=opened.facts.vocabulary_size)
    with pytest.raises(TargetError, match=r"a tokenizer of its own, and .* is another"):
        open_target(str(lab.model), OpenOptions(device="cpu", tokenizer=other))


def test_files_that_could_run_code_are_named_and_left_alone(copied: Path, lab_target: Target) -> None:
    (copied / "trap.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    (copied / "modeling_own.py").write_text("raise SystemExit")
    target = open_target(str(copied), CPU)
    assert target.facts.notes == (f"{copied}: not opened: modeling_own.py, trap.pkl",)
    assert target.facts.digest == lab_target.facts.digest


def test_other_weights_are_another_target(copied: Path, lab_target: Target) -> None:
    weights = load_file(copied / "model.safetensors")
    weights["model.norm.weight"] += 0.5
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    assert open_target(str(copied), CPU).facts.digest != lab_target.facts.digest


# peft asks a property that transformers has renamed.
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
def test_an_adapter_is_part_of_the_target(lab: Lab, lab_target: Target, tmp_path: Path) -> None:
    import transformers
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    base = transformers.AutoModelForCausalLM.from_pretrained(lab.model)
    adapted = get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
    adapted.save_pretrained(tmp_path / "adapter")
    target = open_target(str(lab.model), OpenOptions(device="cpu", adapter=tmp_path / "adapter"))
    rows = TokenBatch.of([np.arange(2, 40)])
    with torch.inference_mode():
        logs = adapted.eval()(input_ids=torch.arange(2, 40)[None]).logits[0, :-1].double().log_softmax(-1)
    expected = logs.gather(1, torch.arange(3, 40)[:, None])[:, 0].numpy()
    assert target.facts.digest != lab_target.facts.digest
    assert np.abs(target.trace(rows).logprob_T - expected).max() <= 1e-4
    assert np.abs(target.trace(rows).logprob_T - lab_target.trace(rows).logprob_T).max() > 1e-3


def test_a_library_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some.gguf").write_bytes(b"GGUF")
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(ConfigError, match=r"needs the library 'llama_cpp'.*pip install 'datagov\[gguf\]'"):
        open_target(f"gguf:{tmp_path}/some.gguf", OpenOptions())


@pytest.mark.parametrize(
    ("spec", "options", "says"),
    [
        ("no/such-model", CPU, "no such folder, and no such model"),
        ("MODEL", OpenOptions(device="cpu", revision="main"), "only a model cache has revisions"),
        ("MODEL", OpenOptions(device="cuda:7"), "this machine has"),
        ("MODEL", OpenOptions(device="gpu"), "not a device"),
        ("MODEL", OpenOptions(device="cpu", dtype="float8"), "Did you mean 'float"),
        ("MODEL", OpenOptions(device="cpu", layout="loose"), "expected padded or packed"),
        ("gguf:nothing.gguf", CPU, "no such file"),
        ("gguf:MODEL/config.json", OpenOptions(start_token="<s>"), "--start-token is not for GGUF files"),  # noqa: S106 - a token of a vocabulary
        ("ngram:MODEL/config.json", OpenOptions(dtype="float64"), "--dtype is not for n-gram models"),
        ("ngram:MODEL/config.json", OpenOptions(concurrency=2), "--concurrency is not for n-gram models"),
        ("ngram:MODEL/config.json", OpenOptions(layout="packed"), "--layout is not for n-gram models"),
        ("ngram:nothing.json", CPU, "no such file"),
    ],
)
def test_options_that_cannot_be_used_are_said(lab: Lab, spec: str, options: OpenOptions, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        open_target(spec.replace("MODEL", str(lab.model)), options)
