"""The command line answers at once: `--help` loads nothing that is heavy."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

from project import ROOT

HELP_SECONDS = 0.5
ATTEMPTS = 5
HEAVY = {
    "datasketch",
    "duckdb",
    "fasttext",
    "kenlm",
    "numba",
    "numpy",
    "pyarrow",
    "pydantic",
    "ray",
    "torch",
    "transformers",
}
PROBE = """
import json, sys
from datagov.cli import main
code = main(["--help"])
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""


def test_help_takes_less_than_half_a_second(tmp_path: Path) -> None:
    """CPU seconds, the best of some attempts: what the program needs, not what else the machine does."""
    command = [str(Path(sys.executable).with_name("datagov")), "--help"]
    best = float("inf")
    for _ in range(ATTEMPTS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert ended.returncode == 0, ended.stderr
        assert not ended.stderr
    assert best < HELP_SECONDS


def test_help_loads_nothing_heavy() -> None:
    ended = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    code, loaded = json.loads(ended.stderr.splitlines()[-1])
    assert code == 0
    assert "datagov" in loaded
    assert "pipelines" in loaded
    assert not HEAVY & set(loaded)
