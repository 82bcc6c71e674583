"""What every benchmark needs: a measured process of its own, pinned to its cores, and a line of the table."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OURS = sys.executable
PEERS = ROOT / ".venv-peers" / "bin" / "python"
CORPUS = ROOT.parent / "shared" / "corpus"

ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "RAYON_NUM_THREADS",
        "POLARS_MAX_THREADS",
    ),
    "1",
)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    work: str
    input: str
    ours: float | None
    theirs: float | None
    unit: str
    ratio: float | None = None
    """How many times better ours is; None where the target is a limit on ours alone."""
    target: str = ""
    reached: bool | None = None
    """None for lines that are information only, or where a side failed."""
    note: str = ""


class FailedSideError(Exception):
    """A measured process ended with an error."""


def measure(python: Path | str, program: str, *arguments: object, cores: set[int]) -> dict:
    """Run one benchmark program, pinned, and return the JSON object it printed last."""
    command = [str(python), str(HERE / program), *(str(argument) for argument in arguments)]
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | ONE_THREAD,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    wall = time.perf_counter() - start
    if done.returncode:
        raise FailedSideError(
            f"{Path(program).stem}: {done.stderr.strip().splitlines()[-1:] or done.returncode}"
        )
    return json.loads(done.stdout.strip().splitlines()[-1]) | {"process_seconds": wall}


def attempt(work: Callable[[], dict]) -> dict | str:
    """Return what `work` returns, or the reason why it failed."""
    try:
        return work()
    except FailedSideError as error:
        return f"failed: {error}"


def failures(*sides: dict | str) -> str:
    """Return why sides failed, for a note; empty where none did."""
    return "; ".join(side for side in sides if isinstance(side, str))


def limit(target: float | None) -> str:
    """Return the target of a ratio in words; empty for lines that are information only."""
    return "" if target is None else f">= {target:g}x"


def scratch() -> Path:
    """Return a folder on the project's disk for what the measured runs write."""
    folder = ROOT / "bench-out" / "work"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shards(folder: Path, scale: float, target: Path) -> Path:
    """Copy the first `scale` of a folder's shards, at least one."""
    target.mkdir()
    files = sorted(folder.rglob("*.parquet"))
    for path in files[: max(1, round(len(files) * scale))]:
        shutil.copy(path, target / f"{path.parent.name}-{path.name}")
    return target
