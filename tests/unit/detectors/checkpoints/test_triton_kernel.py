"""The kernel of the GPUs, run for real by Triton's interpreter on a CPU, against torch's operations and the definitions; and
compiled for GPUs that are not here, which takes none."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from detectors.targets.fused_statistics import BLOCK, WARPS
from detectors.targets.token_statistics import TokenStatistics, plain_statistics

pytestmark = pytest.mark.skipif(
    find_spec("triton") is None, reason="Triton is not installed: it has wheels for Linux alone"
)
PROGRAM = Path(__file__).parents[3] / "interpreted_kernel.py"
NONE = -np.inf
Case = tuple[np.ndarray, np.ndarray, int]
"""Logits [M, S], token [M], and how many of the S columns are the vocabulary."""


def random_case(
    seed: int, rows: int, vocabulary: int, *, wider: int = 0, spread: float = 3.0, dtype: Any = np.float32
) -> Case:
    """Return logits with numbers in the columns past the vocabulary that would change every answer if they were read."""
    generator = np.random.default_rng(seed)
    logits = (generator.standard_normal((rows, vocabulary + wider)) * spread + 20.0).astype(dtype)
    logits[:, vocabulary:] = 1e6
    return logits, generator.integers(vocabulary, size=rows), vocabulary


def written_case(*rows: dict[int, float], vocabulary: int, fill: float = 0.0) -> Case:
    """Return rows of one number but for some columns; the token is the last column."""
    logits = np.full((len(rows), vocabulary), fill, np.float32)
    for row, columns in enumerate(rows):
        for column, value in columns.items():
            logits[row, column] = value
    return logits, np.full(len(rows), vocabulary - 1), vocabulary


MADE: dict[str, Case] = {
    "one_column": random_case(0, 3, 1),
    "less_than_a_block": random_case(1, 5, 901),
    "one_block": random_case(2, 3, BLOCK),
    "one_column_more": random_case(3, 3, BLOCK + 1),
    "several_blocks": random_case(4, 7, 3 * BLOCK + 777),
    "rows_further_apart": random_case(5, 6, BLOCK + 300, wider=61),
    "nearly_even": random_case(6, 4, 2 * BLOCK + 5, spread=0.01),
    "nearly_certain": random_case(7, 4, 2 * BLOCK + 5, spread=60.0),
    "few_values": (
        np.random.default_rng(8).integers(0, 3, (12, 2 * BLOCK + 9)).astype(np.float32),
        np.random.default_rng(9).integers(2 * BLOCK + 9, size=12),
        2 * BLOCK + 9,
    ),
    "double": random_case(10, 5, 2 * BLOCK + 301, wider=3, dtype=np.float64),
    "ties": written_case(
        {},
        {9: 3.0, BLOCK + 2: 3.0},  # the least column stands in a later lane than that of the next block
        {2: 3.0, BLOCK + 2: 3.0},  # both in one lane
        {BLOCK: 3.0, 2 * BLOCK + 1: 3.0},
        {2 * BLOCK + 6: 3.0},
        {0: 3.0, 2 * BLOCK + 6: 3.0},
        {0: -0.0, 4: 0.0, 5: 0.0},
        vocabulary=2 * BLOCK + 7,
    ),
    "none_probable": written_case(
        {}, {3: 1.0}, {BLOCK + 3: 1.0, 6: 1.0}, {5: 0.0}, vocabulary=BLOCK + 9, fill=NONE
    ),
    "not_numbers": written_case(
        {3: np.nan, BLOCK + 1: 5.0},
        {BLOCK + 1: np.nan, 7: np.nan, 1: 9.0},
        {BLOCK + 1: np.nan, 9: np.nan, 2 * BLOCK: np.inf},
        {BLOCK + 3: np.inf, 4: np.inf},
        {0: np.nan, 2 * BLOCK + 2: np.nan},
        vocabulary=2 * BLOCK + 3,
    ),
}


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """What the kernel says of every case."""
    folder = tmp_path_factory.mktemp("interpreted")
    given, found = folder / "cases.npz", folder / "found.npz"
    parts = {}
    for name, (logits, token, vocabulary) in MADE.items():
        parts |= {f"{name}.logits": logits, f"{name}.token": token, f"{name}.vocabulary": vocabulary}
    np.savez(given, **parts)
    ran = subprocess.run(
        [sys.executable, PROGRAM, given, found],
        env=os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(PROGRAM.parents[1])},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    return dict(np.load(found))


def definitions(logits: np.ndarray, token: np.ndarray) -> dict[str, np.ndarray]:
    """Return the statistics of rows by their definitions in float64."""
    rows = np.arange(len(logits))
    wide = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):
        weight = np.exp(wide - wide.max(1, keepdims=True))
        total = weight.sum(1, keepdims=True)
        logs = wide - wide.max(1, keepdims=True) - np.log(total)
        entropy = -np.where(weight == 0, 0.0, weight / total * logs).sum(1)
        variance = np.where(weight == 0, 0.0, weight / total * (logs + entropy[:, None]) ** 2).sum(1)
    return {
        "logprob": logs[rows, token],
        "entropy": entropy,
        "variance": variance,
        "top1": logs.max(1),
        "rank": (logits > logits[rows, token][:, None]).sum(1),
        "top1_id": logits.argmax(1),
    }


@pytest.mark.parametrize("name", MADE)
def test_the_kernel_says_what_the_definitions_and_what_torch_say(
    name: str, interpreted: dict[str, np.ndarray]
) -> None:
    logits, token, vocabulary = MADE[name]
    inside = logits[:, :vocabulary]
    exact = definitions(inside, token)
    plain = plain_statistics(torch.from_numpy(inside.copy()), torch.from_numpy(token))
    near = 1e-12 if logits.dtype == np.float64 else 3e-6
    for field, values in zip(TokenStatistics._fields, plain, strict=True):
        found = interpreted[f"{name}.{field}"]
        if field in {"rank", "top1_id"}:
            assert found.tolist() == exact[field].tolist() == values.tolist(), field
            continue
        assert found.dtype == values.numpy().dtype == logits.dtype
        known = exact[field][np.isfinite(exact[field])]
        most = near * max(float(np.abs(known).max(initial=0.0)), 1.0)
        np.testing.assert_allclose(found, exact[field], rtol=0, atol=most, err_msg=field)
        np.testing.assert_allclose(values.numpy(), exact[field], rtol=0, atol=most, err_msg=field)


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("number", ["fp32", "fp64"])
def test_the_kernel_compiles_for_gpus(
    number: str, capability: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from detectors.targets.triton_kernel import row_statistics

    kinds = {"logits": f"*{number}", "stride": "i64", "token": "*i64", "floats": f"*{number}"}
    kinds |= {"integers": "*i32", "rows": "i32", "vocabulary": "i32", "BLOCK": "constexpr"}
    made = triton.compile(
        ASTSource(row_statistics, kinds, {"BLOCK": BLOCK}),
        target=GPUTarget("cuda", capability, 32),
        options={"num_warps": WARPS},
    )
    assert made.asm["cubin"].startswith(b"\x7fELF")
