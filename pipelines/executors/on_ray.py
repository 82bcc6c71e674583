"""ray: tasks on a Ray cluster; the only module of this wing that imports ray.

Ray schedules and retries; data never passes through its object store. A task reads and writes files
and returns receipts.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Generator, Sequence

from datagov.errors import ConfigError, PartialRun
from pipelines.stage import Outcome, Task
from pipelines.stages import execute

try:
    import ray
except ModuleNotFoundError as error:
    raise ConfigError("--executor ray needs Ray: pip install 'datagov[ray]'") from error

__all__ = ["RayExecutor"]

CONNECT_S = 10.0
"""How long to wait for a cluster to answer; Ray itself would wait for minutes."""
RETRIES = 3
"""How often Ray starts a task anew when its worker or node dies."""
LOST = (
    ray.exceptions.NodeDiedError,
    ray.exceptions.OutOfMemoryError,
    ray.exceptions.WorkerCrashedError,
)


class RayExecutor:
    """Tasks as Ray tasks of one CPU, with a bounded window in flight.

    Plain tasks hold a CPU only while they run, so that no number of CPUs, however small, can deadlock.
    """

    name = "ray"

    def __init__(self, workers: int | None, *, address: str | None, shared_filesystem: bool) -> None:
        self._owns_session = not ray.is_initialized()
        if self._owns_session:
            if address is None:
                ray.init(
                    num_cpus=workers or len(os.sched_getaffinity(0)),
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level="ERROR",
                )
            else:
                _join(address)
        nodes = [node for node in ray.nodes() if node["Alive"]]
        if len(nodes) > 1 and not shared_filesystem:
            self.close()
            raise ConfigError(
                f"the Ray cluster has {len(nodes)} nodes, and the output is a local path. If every node sees it "
                "at this path, say `shared_filesystem: true` in the recipe; otherwise parts would be lost on nodes"
            )
        self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        # On a cluster that is not ours, tasks in flight are tasks at work: as many as were asked for.
        self._window = self.workers if address is not None else 2 * self.workers
        self._execute = ray.remote(num_cpus=1, max_retries=RETRIES)(execute)

    def map(self, tasks: Sequence[Task]) -> Generator[tuple[int, Outcome], None, None]:
        """Yield (index of the task, its outcome) as tasks finish.

        Raises
        ------
        PartialRun
            A task's worker or node died more often than Ray may retry; raised when the others are done.
        """
        given_up: list[str] = []
        waiting = list(reversed(list(enumerate(tasks))))
        running: dict[ray.ObjectRef, int] = {}
        while waiting or running:
            while waiting and len(running) < self._window:
                index, task = waiting.pop()
                running[self._execute.remote(task)] = index
            done, _ = ray.wait(list(running), num_returns=1)
            for reference in done:
                index = running.pop(reference)
                try:
                    outcome = ray.get(reference)
                except LOST:
                    given_up.append(f"{tasks[index].stage} {tasks[index].unit}")
                    continue
                yield index, outcome
        if given_up:
            raise PartialRun(
                f"{', '.join(given_up)}: the Ray worker died {RETRIES + 1} times; finished parts are kept. "
                "Look at the memory of the nodes, then run again to resume"
            )

    def close(self) -> None:
        """Leave the cluster; stop it if it was started here."""
        if self._owns_session:
            ray.shutdown()


def _join(address: str) -> None:
    """Connect to the cluster at `address` (host:port, ray://host:port or auto)."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        if host and port.isdigit():
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"--address {address}: no Ray cluster answers there ({error}); expected HOST:PORT as `ray start --head` "
            "prints it"
        ) from error
