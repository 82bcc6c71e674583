"""The steps that are taken on a GPU, run for real by Triton's interpreter on a CPU against the models' own code; and compiled for
GPUs that are not here, which takes none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tiny_models import engine_of, random_llama

from detectors.fingerprint import fused_layer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("triton") is None, reason="Triton is not installed: it has wheels for Linux alone"
    ),
]
PROGRAM = Path(__file__).parents[3] / "interpreted_steps.py"
TAKEN = (
    "llama",
    "llama_one_key_head",
    "llama_three_of_a_key",
    "llama_stretched",
    "qwen2",
    "qwen3",
    "mistral",
)
SEEN_BY_NUMBERS = ("llama_gelu", "granite", "stablelm", "smollm3")
SEEN_BY_PARTS = ("gemma", "olmo2", "cohere", "glm")


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the program found of each family, by tokens of the context."""
    found = tmp_path_factory.mktemp("interpreted") / "found.json"
    ran = subprocess.run(
        [sys.executable, PROGRAM, found],
        env=os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(PROGRAM.parents[1])},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr
    said: dict[str, dict[str, Any]] = json.loads(found.read_text())
    assert set(said) == {*TAKEN, *SEEN_BY_NUMBERS, *SEEN_BY_PARTS, "engine"}
    return said


@pytest.mark.parametrize("family", TAKEN)
def test_steps_are_those_of_the_models_own_code(family: str, interpreted: dict[str, dict[str, Any]]) -> None:
    for found in interpreted[family].values():
        assert found["parts"]
        assert found["agrees"]
        assert len(found["gaps"]) == 4
        assert max(found["gaps"]) < 1e-5
        assert found["alone"] < 1e-4


def test_another_decoder_is_known_by_its_parts_or_its_numbers(interpreted: dict[str, dict[str, Any]]) -> None:
    for family in SEEN_BY_PARTS:
        assert all(not found["parts"] for found in interpreted[family].values()), family
    for family in SEEN_BY_NUMBERS:
        for found in interpreted[family].values():
            assert found["parts"], family
            assert not found["agrees"], family


def test_the_engine_finds_the_same_by_them_also_where_memory_runs_out(
    interpreted: dict[str, dict[str, Any]],
) -> None:
    found = interpreted["engine"]
    assert found["own_steps"]
    assert found["rows"] <= 5
    assert found["given_up"] > 10
    assert found["kept"] > 2
    assert found["same"]
    assert found["gap"] < 1e-4


def test_a_cpu_takes_the_models_own_steps() -> None:
    assert not engine_of(random_llama(), [0]).own_steps


def made_for(capability: int, kernel: str, kinds: dict[str, str], fixed: dict[str, Any], warps: int) -> bytes:
    """Compile a kernel for GPUs of a compute capability."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from detectors.fingerprint import triton_step

    source = ASTSource(getattr(triton_step, kernel), kinds | dict.fromkeys(fixed, "constexpr"), fixed)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": warps})
    found: bytes = made.asm["cubin"]
    return found


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("number", ["*bf16", "*fp16"])
def test_the_kernels_compile_for_gpus(
    number: str, capability: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    states = ("query", "key", "value", "cos", "sin", "context_key", "context_value", "own_key", "own_value")
    attend = dict.fromkeys((*states, "found"), number)
    attend |= {"rows": "i32", "length": "i32", "step": "i32", "slots": "i32", "scaling": "fp32"}
    for width, group, kept in ((64, 4, True), (128, 7, True), (256, 1, False)):
        heads = {"HEADS": 8 * group, "KEY_HEADS": 8, "WIDTH": width, "GROUP": group, "KEPT": kept}
        room = {"GROUP_ROOM": 1 << (group - 1).bit_length(), "LANES": fused_layer.LANES}
        fixed = heads | room | {"CONTEXT_BLOCK": fused_layer.CONTEXT_BLOCK}
        assert made_for(capability, "attend_step", attend, fixed, fused_layer.WARPS[width])[:4] == b"\x7fELF"
    norm = dict.fromkeys(("hidden", "delta", "weight", "normed"), number) | {
        "width": "i32",
        "epsilon": "fp32",
    }
    assert made_for(capability, "add_and_norm", norm, {"ADDED": True, "BLOCK": 4096}, 8)[:4] == b"\x7fELF"
    product = {"gate": number, "up": number, "count": "i32"}
    assert made_for(capability, "silu_product", product, {"BLOCK": fused_layer.ELEMENTS}, 8)[:4] == b"\x7fELF"
