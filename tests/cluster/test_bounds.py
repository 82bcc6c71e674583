"""What a run on Ray never exceeds: tasks in flight, and the memory of a worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cluster_runs
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray

from pipelines.executors.on_ray import RayExecutor
from pipelines.parts import cut
from pipelines.plan import make_plan
from pipelines.progress import Reporter
from pipelines.recipe import load_recipe
from pipelines.run import run
from pipelines.stage import Task

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

CPUS = 4
PATIENCE_S = 60.0
QUIET_S = 0.5


@pytest.fixture
def roomy() -> Iterator[None]:
    """A Ray session with more CPUs than the runs of these tests ask for."""
    ray.init(num_cpus=CPUS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        yield
    finally:
        ray.shutdown()


def task(out: Path, number: int) -> Task:
    """A task of next to no work: joining the fates of no part."""
    receipt = f"receipts/collect-{number:03d}/run.json"
    return Task("collect", "run", str(out), (receipt,), {"fates": [], "file": f"work/{number:03d}.npy"})


def test_no_more_tasks_than_the_window_holds_are_in_flight(roomy: None, tmp_path: Path) -> None:
    executor = RayExecutor(1, address=None, shared_filesystem=False)
    window = 2  # twice the workers, on a cluster of the run's own
    outcomes = executor.map([task(tmp_path, number) for number in range(12)])
    for taken in range(1, 4):
        next(outcomes)
        # Whoever does not come for the next outcome gets no further task started, however many CPUs are free.
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and done(tmp_path) < taken - 1 + window:
            time.sleep(0.05)
        time.sleep(QUIET_S)
        assert done(tmp_path) == taken - 1 + window
    assert len(list(outcomes)) == 12 - 3
    assert done(tmp_path) == 12


def done(out: Path) -> int:
    return len(list(out.glob("receipts/*/run.json")))


def test_the_memory_of_a_worker_does_not_grow_with_the_number_of_parts(tmp_path: Path, roomy: None) -> None:
    rows, few, many = 1_500, 2, 16
    text = [f"{row} " + f"word{row % 37} and more of the same kind, " * 60 for row in range(rows)]
    peaks = []
    for parts in (few, many):
        folder = tmp_path / str(parts)
        (folder / "in").mkdir(parents=True)
        for number in range(parts):
            table = pa.table({"text": pa.array([f"{number} {item}" for item in text], pa.large_string())})
            pq.write_table(table, folder / f"in/{number:02d}.parquet")
        plan = make_plan(load_recipe(cluster_runs.write_recipe(folder, folder / "in")))
        plan = replace(plan, parts=tuple(cut(plan.shards, part_rows=rows)))
        assert len(plan.parts) == parts
        with Reporter(quiet=True) as reporter:
            run(plan, RayExecutor(1, address=None, shared_filesystem=False), reporter)
        peaks.append(max(peak_of(process) for process in workers()))
    # The same workers did both runs: what the second added to their peak is what more parts need.
    assert peaks[1] < 1.15 * peaks[0]


def workers() -> list[psutil.Process]:
    """Return the Ray workers of this session."""
    children = psutil.Process().children(recursive=True)
    found = [process for process in children if "".join(process.cmdline()[:1]).startswith("ray::")]
    assert found
    return found


def peak_of(process: psutil.Process) -> int:
    """Return the most memory (KiB) that a process ever held."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])
