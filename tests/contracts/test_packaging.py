"""The wheel: one owns all three packages, with their data files, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from project import PACKAGES, ROOT

from datagov import __version__

DATA_SUFFIXES = {".yaml", ".sql", ".npz"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    pytest.importorskip("hatchling", reason="the build backend is not installed")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    (path,) = folder.glob("*.whl")
    assert path.name == f"datagov-{__version__}-py3-none-any.whl"
    return zipfile.ZipFile(path)


def files_in_the_tree() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == files_in_the_tree()


def test_the_wheel_holds_the_data_files(wheel: zipfile.ZipFile) -> None:
    held = set(wheel.namelist())
    data = {name for name in files_in_the_tree() if Path(name).suffix in DATA_SUFFIXES}
    assert {Path(name).suffix for name in data} == DATA_SUFFIXES
    assert data <= held
    assert {"datagov/text/unicode_tables.npz", "datagov/ledger/views.sql"} <= held
    assert {"datagov/profiles/gopher-en.yaml", "pipelines/recipes/bilingual.yaml"} <= held


def test_the_wheel_holds_no_tests(wheel: zipfile.ZipFile) -> None:
    assert not [name for name in wheel.namelist() if "test" in Path(name).parts[0] or "conftest" in name]


def test_the_wheel_registers_its_commands_and_keeps_heavy_packages_optional(wheel: zipfile.ZipFile) -> None:
    info = f"datagov-{__version__}.dist-info"
    entries = wheel.read(f"{info}/entry_points.txt").decode()
    assert "datagov = datagov.__main__:program" in entries
    assert "pipelines = pipelines.cli:register" in entries
    metadata = Parser().parsestr(wheel.read(f"{info}/METADATA").decode())
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    names = {line.split(">")[0].split("<")[0].split("=")[0].strip() for line in required}
    assert not names & {"ray", "torch", "transformers", "datasketch"}
    assert {"all", "gpu", "interop", "ray"} <= set(metadata.get_all("Provides-Extra", []))
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
