"""Ray losing workers, a node and its head in the middle of a run: nothing is lost, and nothing changes."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import fault_program as program
import pytest
import ray
from ray.cluster_utils import Cluster

from datagov.cli import main
from pipelines.stages import STAGES

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

STRUCK = set(STAGES) - {"compare", "excerpt", "find_strings", "frequency", "settle", "sift", "tally"}
"""The stages of this recipe: no bound of it is a quantile, substrings are a test of their own, and tokens are counted by a command of its own."""
RECEIPTS = {"measure": "documents"}
"""What the receipts of a stage are called, where it is not the stage's name."""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A head of one CPU; whatever a test adds ends with it."""
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}, connect=False
    )
    try:
        yield cluster
    finally:
        cluster.shutdown()


def run_struck(recipe: Path, stages: set[str]) -> None:
    """Run a recipe on Ray, and kill the worker that ends the first task of each stage."""
    struck = recipe.parent / "struck"
    struck.mkdir()
    faults = [
        {
            "event": "os.rename",
            "path": rf"/receipts/{RECEIPTS.get(stage, stage)}-[^/]*/[^/]*\.json$",
            "action": "kill",
            "once": str(struck / stage),
        }
        for stage in sorted(stages)
    ]
    ended = program.run("run", recipe, "--executor", "ray", "--workers", "2", fault=faults)
    assert ended.code == 0, ended.err
    assert {path.name for path in struck.iterdir()} == stages


def test_a_worker_killed_in_every_stage(recipe: Path, undisturbed: Path) -> None:
    run_struck(recipe, STRUCK)
    program.assert_same_output(recipe.parent / "out", undisturbed)


def test_a_worker_killed_in_every_stage_of_substrings(shards: Path, tmp_path: Path) -> None:
    steps = [{"span_dedup": {"unit": "substring", "length": 60}}]
    quiet, struck = (
        program.write_recipe(tmp_path / name, shards, steps=steps) for name in ("quiet", "struck")
    )
    ended = program.run("run", quiet, "--workers", "2")
    assert ended.code == 0, ended.err
    run_struck(struck, {"sift", "excerpt", "compare", "mark"})
    program.assert_same_output(struck.parent / "out", quiet.parent / "out")


def test_a_node_removed_in_mid_run(cluster: Cluster, shards: Path, tmp_path: Path, undisturbed: Path) -> None:
    leaving = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    recipe = program.write_recipe(tmp_path, shards, shared_filesystem=True)
    out = tmp_path / "out"
    process = program.start(
        "run", recipe, "--executor", "ray", "--address", cluster.address, "--workers", "2"
    )
    program.wait_for(lambda: program.receipts(out, "documents-*"), process)
    cluster.remove_node(leaving, allow_graceful=False)
    ended = program.end(process)
    assert ended.code == 0, ended.err
    program.assert_same_output(out, undisturbed)


HASTY = """
import sys
from datagov.cli import main
from pipelines.executors import on_ray
on_ray.HEAD_S = 3.0
sys.exit(main(sys.argv[1:]))
"""
"""The program, with less patience for a head that is away."""


def test_a_head_that_is_lost_and_started_again(recipe: Path, undisturbed: Path, cluster: Cluster) -> None:
    out = recipe.parent / "out"
    command = [sys.executable, "-c", HASTY, "run", recipe, "--executor", "ray", "--address", cluster.address]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    program.wait_for(lambda: program.receipts(out, "documents-*"), process)
    cluster.remove_node(cluster.head_node, allow_graceful=False)
    ended = program.end(process)
    assert ended.code == 5, ended.err
    assert "the head of the Ray cluster" in ended.err
    assert "Run again to resume" in ended.err
    assert "Traceback" not in ended.err
    done = program.finished_work(out)

    again = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}, connect=False
    )
    try:
        resumed = program.run("run", recipe, "--executor", "ray", "--address", again.address)
    finally:
        again.shutdown()
    assert resumed.code == 0, resumed.err
    program.assert_same_output(out, undisturbed)
    after = program.finished_work(out)
    assert {path: after[path] for path in done} == done


class TestOneCpu:
    """The least cluster there is."""

    @pytest.fixture(autouse=True)
    def _session(self) -> Iterator[None]:
        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        try:
            yield
        finally:
            ray.shutdown()

    def test_more_workers_than_cpus_take_turns_and_no_text_passes_through_ray(
        self, recipe: Path, undisturbed: Path
    ) -> None:
        most = [0]
        done = threading.Event()
        watcher = threading.Thread(target=watch_object_store, args=(most, done))
        watcher.start()
        try:
            assert main(["run", str(recipe), "--executor", "ray", "--workers", "4", "--quiet"]) == 0
        finally:
            done.set()
            watcher.join()
        program.assert_same_output(recipe.parent / "out", undisturbed)
        # Ray keeps some bytes of its own to say that a CPU came free; the corpus has half a million.
        assert most[0] < 100

    def test_a_cpu_that_never_comes_free_is_an_answer_not_a_wait(
        self, recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from pipelines.executors import on_ray

        monkeypatch.setattr(on_ray, "FREE_CPU_S", 2.0)
        assert ray.util.placement_group([{"CPU": 1}]).wait(60)  # holds the CPU, as a driver with one does
        assert main(["run", str(recipe), "--executor", "ray", "--quiet"]) == 2
        message = " ".join(capsys.readouterr().err.split())
        assert "no CPU of the Ray cluster came free in 2 s: of 1 CPUs 0 are free" in message
        assert "--entrypoint-num-cpus 0" in message
        assert not (recipe.parent / "out/runs").exists()


def watch_object_store(most: list[int], done: threading.Event) -> None:
    """Note the most bytes that were ever put into this session's object store."""
    from ray._private.internal_api import get_memory_info_reply, get_state_from_address

    state = get_state_from_address()
    while not done.wait(0.2):
        most[0] = max(most[0], get_memory_info_reply(state).store_stats.cumulative_created_bytes)
