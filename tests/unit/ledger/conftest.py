from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ledger_example import write_ledger

from datagov.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder with an awkward name; `out@r1` is the run to read."""
    root = tmp_path_factory.mktemp("ledger")
    folder = root / "out [1]*'s"
    write_ledger(folder, root / "corpus")
    return folder


@pytest.fixture
def r1(out: Path) -> str:
    return f"{out}@r1"


Outcome = tuple[int, str, str]


@pytest.fixture
def datagov(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command line in this process: (exit code, stdout, stderr)."""

    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
