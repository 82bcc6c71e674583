"""A part of the crash matrix: every point, every fault and both executors at least once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import crash_matrix
import fault_program as program
import pytest
from crash_matrix import FAULTS, POINTS, Point, strike

pytestmark = pytest.mark.slow

# The whole product is `make faults`; here the faults take turns over the points of a few stages.
LOCAL = [
    (point, list(FAULTS)[number % len(FAULTS)])
    for number, point in enumerate(POINTS)
    if point.where in {"measure", "the run"}
] + [(POINTS[8], "exception"), (POINTS[12], "exception")]
ON_RAY = [(POINTS[1], "SIGKILL"), (POINTS[10], "disk full"), (POINTS[-2], "exception")]


def name(value: object) -> str:
    """Return how a case is called."""
    return f"{value.where}, {value.when}".replace(" ", "-") if isinstance(value, Point) else str(value)


def check(result: crash_matrix.Result) -> None:
    """Assert that nothing was lost, changed or done twice."""
    assert result.again == 0
    assert result.same
    assert result.lost == 0
    assert result.redone == 0


@pytest.mark.parametrize(("point", "fault"), LOCAL, ids=name)
def test_local(point: Point, fault: str, recipe: Path, undisturbed: Path) -> None:
    check(strike(point, fault, "local", recipe, undisturbed))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A Ray cluster for all cases."""
    with crash_matrix.ray_cluster() as address:
        yield address


@pytest.mark.cluster
@pytest.mark.parametrize(("point", "fault"), ON_RAY, ids=name)
def test_on_ray(point: Point, fault: str, recipe: Path, undisturbed: Path, address: str) -> None:
    check(strike(point, fault, "ray", recipe, undisturbed, address=address))


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
