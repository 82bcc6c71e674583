"""Fixtures of the fault tests: one small corpus, and the output of a run that nothing disturbed."""

from __future__ import annotations

from pathlib import Path

import fault_program
import pytest


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of Parquet shards, each a part of its own."""
    return fault_program.make_shards(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, shards: Path) -> Path:
    """Output folder of an undisturbed run with two workers."""
    folder = tmp_path_factory.mktemp("undisturbed")
    ended = fault_program.run("run", fault_program.write_recipe(folder, shards), "--workers", "2")
    assert ended.code == 0, ended.err
    out = folder / "out"
    assert len(fault_program.manifest(out)["parts"]) == fault_program.SHARDS
    return out


@pytest.fixture
def recipe(tmp_path: Path, shards: Path) -> Path:
    """A recipe over the shards; its output is `out` beside it."""
    return fault_program.write_recipe(tmp_path, shards)
