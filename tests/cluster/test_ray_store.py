"""A run on a cluster of two nodes whose input and output lie in a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cluster_runs
import obstore
import pytest
import ray
import s3_server
from obstore.store import S3Store, from_url
from ray.cluster_utils import Cluster

from datagov.errors import ConfigError

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PLACE = f"s3://{s3_server.BUCKET}/ray"


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """A folder in a bucket; the nodes that start afterwards know the server from the environment."""
    monkeypatch.setenv("DATAGOV_CACHE", str(tmp_path / "cache"))
    with s3_server.started():
        yield from_url(PLACE, client_options={"allow_http": True})


@pytest.fixture
def two_nodes(bucket: S3Store) -> Iterator[str]:
    """The address of a cluster of two nodes of one CPU each."""
    head = {"num_cpus": 1, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head, connect=False)
    try:
        cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        yield cluster.address
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_two_nodes_and_a_bucket_give_the_bytes_of_one_process_and_a_disk(
    bucket: S3Store, two_nodes: str, tmp_path: Path, shards: Path, by_local: Path
) -> None:
    for path in sorted(shards.iterdir()):
        obstore.put(bucket, f"in/{path.name}", path.read_bytes())
    source = {"path": f"{PLACE}/in", "max_document_chars": 200_000}
    recipe = cluster_runs.write_recipe(tmp_path, shards, input=source, output=f"{PLACE}/out")
    # No word of a shared file system: every node sees a bucket.
    manifest = cluster_runs.run_in_process(recipe, "ray", workers=2, address=two_nodes)
    assert manifest["complete"]
    there = tmp_path / "there"
    for batch in obstore.list(bucket, "out"):
        for item in batch:
            target = there / item["path"].removeprefix("out/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(bytes(obstore.get(bucket, item["path"]).bytes()))
    assert cluster_runs.contents(there) == cluster_runs.contents(by_local)


def test_a_bucket_for_the_output_alone_is_not_enough(two_nodes: str, tmp_path: Path, shards: Path) -> None:
    recipe = cluster_runs.write_recipe(tmp_path, shards, output=f"{PLACE}/half")
    with pytest.raises(ConfigError, match=r"2 nodes.*shared_filesystem: true"):
        cluster_runs.run_in_process(recipe, "ray", workers=2, address=two_nodes)
