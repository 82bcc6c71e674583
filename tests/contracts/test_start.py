"""The command line answers at once: `--help` loads nothing that is heavy."""

from __future__ import annotations

import json
import subprocess
import sys

from project import ROOT

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


def test_help_loads_nothing_heavy() -> None:
    ended = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    code, loaded = json.loads(ended.stderr.splitlines()[-1])
    assert code == 0
    assert "datagov" in loaded
    assert "pipelines" in loaded
    assert not HEAVY & set(loaded)
