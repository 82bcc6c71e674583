"""The Ray executor: the same bytes as local, workers that die, clusters of several nodes."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cluster_runs
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray
from family_files import family_files
from ray.cluster_utils import Cluster

from datagov.errors import ConfigError, InputError
from pipelines.executors.on_ray import RETRIES

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

INJECT = Path(__file__).parents[1] / "faults/inject"
FAMILY = """
import pyarrow as pa
import pyarrow.compute as pc

from datagov import RuleInfo, SignalFamily


def measure(batch, params):
    return pa.RecordBatch.from_pydict({"marks": pc.count_substring(batch.texts, "?").cast(pa.int64())})


RULE = RuleInfo("mark_count", "marks", None, "marks", "Question marks.", (0.0, None), "never", "here")
MARKS = SignalFamily("question_marks", 1, measure, (RULE,))
"""


class TestOneNode:
    """Tests that share one session."""

    @pytest.fixture(autouse=True)
    def _shared(self, session: None) -> None:
        """Use the session."""

    @pytest.mark.parametrize("workers", [1, 2])
    def test_same_bytes_as_local(self, workers: int, tmp_path: Path, shards: Path, by_local: Path) -> None:
        recipe = cluster_runs.write_recipe(tmp_path, shards)
        manifest = cluster_runs.run_in_process(recipe, "ray", workers=workers)
        assert manifest["complete"]
        assert manifest["executor"] == "ray"
        assert cluster_runs.contents(tmp_path / "out") == cluster_runs.contents(by_local)
        assert ray.is_initialized()  # a session that was there is left alone

    def test_a_killed_worker_is_replaced(self, tmp_path: Path, shards: Path, by_local: Path) -> None:
        recipe = cluster_runs.write_recipe(tmp_path, shards)
        struck: list[int] = []
        watcher = threading.Thread(target=kill_a_busy_worker, args=(struck,))
        watcher.start()
        manifest = cluster_runs.run_in_process(recipe, "ray", workers=2)
        watcher.join()
        assert struck
        assert manifest["complete"]
        assert cluster_runs.contents(tmp_path / "out") == cluster_runs.contents(by_local)

    def test_an_error_of_a_task_is_the_users_error(self, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        table = pa.table({"id": ["a", None], "text": ["one", "two"]})
        pq.write_table(table, tmp_path / "in/part-0.parquet")
        recipe = cluster_runs.write_recipe(
            tmp_path, tmp_path / "in", input={"path": str(tmp_path / "in"), "id": "id"}
        )
        with pytest.raises(InputError, match=r"part-0\.parquet:1: column 'id' is NULL"):
            cluster_runs.run_in_process(recipe, "ray", workers=1)

    def test_a_family_of_ones_own_is_found_by_the_workers(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "path", [*sys.path])
        monkeypatch.delitem(sys.modules, "question_marks", raising=False)
        (tmp_path / "in").mkdir()
        texts = ["no question", "one? two?", "three? four? five?", "none at all"]
        for shard in range(2):
            table = pa.table({"text": [f"{text} in shard {shard}" for text in texts]})
            pq.write_table(table, tmp_path / f"in/part-{shard}.parquet")
        step = {"filter": {"signals": "question_marks:MARKS", "bounds": {"mark_count": {"max": 1}}}}
        manifests = {}
        for executor in ("local", "ray"):
            folder = tmp_path / executor
            recipe = cluster_runs.write_recipe(folder, tmp_path / "in", steps=[step])
            (folder / "question_marks.py").write_text(FAMILY)
            manifests[executor] = cluster_runs.run_in_process(recipe, executor, workers=1)
        assert manifests["ray"]["counts"]["documents_in"] == 8
        assert manifests["ray"]["counts"]["kept"] == 4
        assert cluster_runs.contents(tmp_path / "ray/out") == cluster_runs.contents(tmp_path / "local/out")

    def test_families_that_read_files_are_given_them_by_the_workers(
        self, tmp_path: Path, shards: Path
    ) -> None:
        models = {}
        for name in ("classifier", "contamination", "perplexity", "terms"):
            (tmp_path / name).mkdir()
            models[f"my_{name}"] = {"family": name, **family_files(name, tmp_path / name)}
        step = {
            "name": "models",
            "filter": {"models": models, "bounds": {"my_classifier_score": {"max": 0.5}}},
        }
        for executor in ("local", "ray"):
            recipe = cluster_runs.write_recipe(tmp_path / executor, shards, steps=[step])
            manifest = cluster_runs.run_in_process(recipe, executor, workers=1)
            assert 0 < manifest["counts"]["kept"] < manifest["counts"]["documents_in"]
        written = cluster_runs.contents(tmp_path / "ray/out")
        assert sum(path.startswith("ledger/signals/") for path in written) == 5 * len(list(shards.iterdir()))
        assert written == cluster_runs.contents(tmp_path / "local/out")


def kill_a_busy_worker(struck: list[int]) -> None:
    """SIGKILL the first Ray worker of this session that is seen at work on a task of ours."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for process in psutil.Process().children(recursive=True):
            try:
                if process.cmdline()[:1] == ["ray::execute"]:
                    process.kill()
                    struck.append(process.pid)
                    return
            except psutil.Error:
                continue
        time.sleep(0.002)


@pytest.fixture
def two_nodes() -> Iterator[str]:
    """The address of a cluster of two nodes of one CPU each."""
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}, connect=False
    )
    try:
        cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        yield cluster.address
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_several_nodes_need_a_shared_file_system(
    two_nodes: str, tmp_path: Path, shards: Path, by_local: Path
) -> None:
    recipe = cluster_runs.write_recipe(tmp_path, shards)
    with pytest.raises(ConfigError, match=r"2 nodes.*shared_filesystem: true"):
        cluster_runs.run_in_process(recipe, "ray", workers=2, address=two_nodes)
    assert not ray.is_initialized()

    recipe = cluster_runs.write_recipe(tmp_path, shards, shared_filesystem=True)
    manifest = cluster_runs.run_in_process(recipe, "ray", workers=2, address=two_nodes)
    assert manifest["complete"]
    assert cluster_runs.contents(tmp_path / "out") == cluster_runs.contents(by_local)


def free_address() -> str:
    """Return an address of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize("address", ["{free}", "ray://{free}", "nonsense", "auto"])
def test_an_address_where_nobody_answers(address: str, tmp_path: Path, shards: Path) -> None:
    address = address.format(free=free_address())
    recipe = cluster_runs.write_recipe(tmp_path, shards)
    with pytest.raises(ConfigError, match=f"--address {re.escape(address)}: no Ray cluster answers there"):
        cluster_runs.run_in_process(recipe, "ray", workers=1, address=address)
    assert not ray.is_initialized()


def test_a_cluster_is_started_and_stopped_where_none_is_named(
    tmp_path: Path, shards: Path, by_local: Path
) -> None:
    recipe = cluster_runs.write_recipe(tmp_path, shards)
    command = [sys.executable, "-m", "datagov", "run", recipe, "--executor", "ray", "--workers", "2"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert cluster_runs.contents(tmp_path / "out") == cluster_runs.contents(by_local)


def test_a_task_that_kills_every_worker_is_given_up_and_the_others_are_kept(
    tmp_path: Path, shards: Path, by_local: Path
) -> None:
    recipe = cluster_runs.write_recipe(tmp_path, shards)
    out = tmp_path / "out"
    names = sorted(path.stem for path in by_local.glob("ledger/documents/*/*.parquet"))
    fault = {"event": "os.link", "path": f"/ledger/keys/.*{names[0]}", "action": "kill"}
    injected = {**os.environ, "FAULT": json.dumps(fault), "PYTHONPATH": str(INJECT)}
    command = [sys.executable, "-m", "datagov", "run", recipe, "--executor", "ray", "--workers", "2"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, env=injected)
    assert ended.returncode == 5, ended.stderr
    assert f"measure {names[0]}: the Ray worker died {RETRIES + 1} times" in ended.stderr
    assert "Traceback" not in ended.stderr
    measured = {path.stem for path in out.glob("receipts/keys-*/*.json")}
    assert measured == set(names[1:])

    assert cluster_runs.run_in_process(recipe, "local", workers=1)["complete"]
    assert cluster_runs.contents(out) == cluster_runs.contents(by_local)
