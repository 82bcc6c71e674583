"""A part of the crash matrix on a Ray cluster: every fault once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import crash_matrix
import pytest
from crash_matrix import POINTS, Point, case_name, strike

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

CASES = [(POINTS[1], "SIGKILL"), (POINTS[10], "disk full"), (POINTS[-2], "exception")]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A Ray cluster for all cases."""
    with crash_matrix.ray_cluster() as address:
        yield address


@pytest.mark.parametrize(("point", "fault"), CASES, ids=case_name)
def test_on_ray(point: Point, fault: str, recipe: Path, undisturbed: Path, address: str) -> None:
    strike(point, fault, "ray", recipe, undisturbed, address=address).check()
