"""Fixtures of the cluster tests: one Ray session for those that only need some Ray."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cluster_runs
import pytest
import ray

CPUS = 2


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of Parquet shards, each a part of its own."""
    return cluster_runs.make_shards(tmp_path_factory.mktemp("cluster"))


@pytest.fixture(scope="session")
def by_local(tmp_path_factory: pytest.TempPathFactory, shards: Path) -> Path:
    """Output folder of the same recipe run by the local executor, in one process."""
    folder = tmp_path_factory.mktemp("local")
    manifest = cluster_runs.run_in_process(cluster_runs.write_recipe(folder, shards), "local", workers=1)
    assert len(manifest["parts"]) == cluster_runs.SHARDS
    return folder / "out"


@pytest.fixture(scope="class")
def session() -> Iterator[None]:
    """A Ray session on this machine, kept by the executors that find it."""
    ray.init(num_cpus=CPUS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        yield
    finally:
        ray.shutdown()
