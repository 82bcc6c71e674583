"""Kernels compiled before the tests run, and the oracles of this folder importable from anywhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

# A deadline measures the machine, and the first call of a kernel its compilation.
settings.register_profile("text", deadline=None)
settings.load_profile("text")


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    from datagov.text.warm import warm

    warm()
