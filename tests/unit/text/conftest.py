"""Kernels compiled before the tests run, and the oracles of this folder importable from anywhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    from datagov.text.warm import warm

    warm()
