"""`ray job submit`, by the real jobs API of a local cluster of one CPU."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cluster_runs
import pytest
import ray
from ray.cluster_utils import Cluster
from ray.job_submission import JobStatus, JobSubmissionClient

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PATIENCE_S = 300


@pytest.fixture(scope="module")
def dashboard() -> Iterator[str]:
    """The URL of the jobs API of a cluster of one CPU."""
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "include_dashboard": True, "dashboard_port": 0},
        connect=False,
    )
    try:
        yield f"http://{cluster.head_node.webui_url}"
    finally:
        ray.shutdown()
        cluster.shutdown()


def ended(client: JobSubmissionClient, job: str) -> JobStatus:
    """Wait for a job's end."""
    until = time.monotonic() + PATIENCE_S
    while not (status := client.get_job_status(job)).is_terminal():
        assert time.monotonic() < until, client.get_job_logs(job)
        time.sleep(0.2)
    return status


def test_a_submitted_run_uses_its_runtime_environment_and_no_cpu_of_its_own(
    dashboard: str, tmp_path: Path, shards: Path, by_local: Path
) -> None:
    """The recipe travels in the working directory; the driver takes 0 CPUs, so that one is enough."""
    work = tmp_path / "work"
    cluster_runs.write_recipe(work, shards, output=str(tmp_path / "out"))
    environment = {"working_dir": str(work), "env_vars": {"DATAGOV_TEST": "set"}}
    command = [
        *(str(Path(sys.executable).with_name("ray")), "job", "submit", "--address", dashboard),
        *("--submission-id", "governed", "--runtime-env-json", json.dumps(environment)),
        *("--entrypoint-num-cpus", "0", "--"),
        *(sys.executable, "-m", "datagov", "run", "recipe.yaml", "--executor", "ray", "--json"),
    ]
    submitted = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr
    client = JobSubmissionClient(dashboard)
    assert client.get_job_status("governed") == JobStatus.SUCCEEDED
    assert '"complete": true' in client.get_job_logs("governed")
    assert client.get_job_info("governed").runtime_env["env_vars"] == {"DATAGOV_TEST": "set"}
    assert cluster_runs.contents(tmp_path / "out") == cluster_runs.contents(by_local)


def test_a_stopped_job_is_continued_by_the_same_submission(
    dashboard: str, tmp_path: Path, shards: Path, by_local: Path
) -> None:
    recipe = cluster_runs.write_recipe(tmp_path, shards)
    client = JobSubmissionClient(dashboard)
    entrypoint = f"{sys.executable} -m datagov run {recipe} --executor ray"
    out = tmp_path / "out"
    job = client.submit_job(entrypoint=entrypoint, entrypoint_num_cpus=0)
    until = time.monotonic() + PATIENCE_S
    while not list(out.glob("receipts/documents-*/*.json")):
        assert time.monotonic() < until
        time.sleep(0.05)
    client.stop_job(job)
    assert ended(client, job) == JobStatus.STOPPED
    again = client.submit_job(entrypoint=entrypoint, entrypoint_num_cpus=0)
    assert ended(client, again) == JobStatus.SUCCEEDED, client.get_job_logs(again)
    assert cluster_runs.contents(out) == cluster_runs.contents(by_local)
