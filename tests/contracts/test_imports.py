"""Who may know whom: the contracts in pyproject.toml hold, and their lists are complete."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from project import ROOT

from datagov.signals import FAMILIES, MODEL_FAMILIES
from detectors.membership import METHODS
from pipelines.stages import STAGES


def contract(name: str) -> dict[str, Any]:
    """Return the contract whose name begins so."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (found,) = (item for item in contracts if item["name"].startswith(name))
    return dict(found)


def test_the_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_stage_is_under_contract() -> None:
    listed = set(contract("Stages do not know each other")["modules"])
    assert {f"pipelines.stages.{name}" for name in STAGES} | {"pipelines.executors"} == listed
    files = {path.stem for path in (ROOT / "pipelines/stages").glob("*.py")} - {"__init__"}
    assert files == set(STAGES)


def test_every_signal_family_is_under_contract() -> None:
    listed = set(contract("Signal families do not know each other")["modules"])
    assert {f"datagov.signals.{family.name}" for family in (*FAMILIES, *MODEL_FAMILIES)} == listed


def test_every_membership_method_is_under_contract() -> None:
    listed = set(contract("Membership methods do not know each other")["modules"])
    assert {f"detectors.membership.{method.name}" for method in METHODS} == listed


def test_floors_are_exhaustive() -> None:
    for name in ("The core: every module", "The pipelines: every module", "The detectors: every module"):
        assert contract(name)["exhaustive"] is True
