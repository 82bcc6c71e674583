"""A part of the crash matrix: every point and every fault at least once; `test_ray_crash_matrix` has the other executor."""

from __future__ import annotations

from pathlib import Path

import fault_program as program
import pytest
from crash_matrix import FAULTS, POINTS, Point, case_name, strike

pytestmark = pytest.mark.slow

# The whole product is `make faults`; here the faults take turns over the points of a few stages.
CASES = [
    (point, list(FAULTS)[number % len(FAULTS)])
    for number, point in enumerate(POINTS)
    if point.where in {"measure", "the run"}
] + [(POINTS[8], "exception"), (POINTS[12], "exception")]


@pytest.mark.parametrize(("point", "fault"), CASES, ids=case_name)
def test_local(point: Point, fault: str, recipe: Path, undisturbed: Path) -> None:
    strike(point, fault, "local", recipe, undisturbed).check()


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ("os.link", r"/ledger/documents/[^/]*/[^/]*\.parquet$"),
        ("os.rename", r"/receipts/documents-[^/]*/[^/]*\.json$"),
    ],
    ids=["before-publish", "before-the-receipt"],
)
def test_two_attempts_of_one_part(event: str, path: str, recipe: Path, undisturbed: Path) -> None:
    """A straggler that wakes up after another attempt has finished everything changes nothing."""
    fault = {"event": event, "path": path, "action": "pause"}
    arguments = ["run", recipe, "--workers", "1", "--part", "1/1"]
    straggler = program.start(*arguments, fault=fault)
    program.wait_for(lambda: program.is_stopped(straggler), straggler)
    assert program.run(*arguments).code == 0
    program.go_on(straggler)
    assert program.end(straggler).code == 0
    program.run_again(recipe)
    program.assert_same_output(recipe.parent / "out", undisturbed)
