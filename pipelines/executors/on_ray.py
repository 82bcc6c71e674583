"""ray: tasks on a Ray cluster; the only module of this wing that imports ray.

Ray schedules and retries; data never passes through its object store. A task reads and writes files
and returns receipts, so that a lost worker, node or driver costs what was in flight and nothing else.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Generator, Sequence

from datagov import __version__
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
FREE_CPU_S = 120.0
"""How long to wait for the first CPU to come free; a cluster that grows on demand needs a minute or two."""
HEAD_S = 30.0
"""How long the head may be away before the run ends; after 60 s Ray would end the process, without a word."""
RETRIES = 3
"""How often Ray starts a task anew when its worker or node dies."""
LOST = (
    ray.exceptions.LocalRayletDiedError,
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
        if address is None:
            address = os.environ.get("RAY_ADDRESS")  # set where the run is a job of a cluster
        if self._owns_session:
            if address is None:
                ray.init(
                    address="local",  # else a cluster that is there by chance would be joined
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
        try:
            self._meet_a_worker()
        except ConfigError:
            self.close()
            raise
        self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        # On a cluster that is not ours, tasks in flight are tasks at work: as many as were asked for.
        self._window = self.workers if address is not None else 2 * self.workers
        self._gcs = ray.get_runtime_context().gcs_address
        self._head_lost: float | None = None
        self._execute = ray.remote(num_cpus=1, max_retries=RETRIES)(execute)

    def map(self, tasks: Sequence[Task]) -> Generator[tuple[int, Outcome], None, None]:
        """Yield (index of the task, its outcome) as tasks finish.

        Raises
        ------
        PartialRun
            A task's worker or node died more often than Ray may retry; raised when the others are done. Or
            the head of the cluster is gone.
        """
        given_up: list[str] = []
        waiting = list(reversed(list(enumerate(tasks))))
        running: dict[ray.ObjectRef, int] = {}
        while waiting or running:
            while waiting and len(running) < self._window:
                index, task = waiting.pop()
                running[self._execute.remote(task)] = index
            done, _ = ray.wait(list(running), num_returns=1, timeout=HEAD_S / 6)
            if not done:
                self._require_head()
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

    def _require_head(self) -> None:
        """Look for the head where nothing was heard for a while.

        Raises
        ------
        PartialRun
            It has been away for `HEAD_S`.
        """
        host, _, port = self._gcs.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
        except OSError as error:
            now = time.monotonic()
            self._head_lost = self._head_lost or now
            if now - self._head_lost >= HEAD_S:
                raise PartialRun(
                    f"the head of the Ray cluster at {self._gcs} does not answer any more ({error}); finished parts are "
                    "kept. Run again to resume when it is back"
                ) from error
        else:
            self._head_lost = None

    def _meet_a_worker(self) -> None:
        """See that tasks find a CPU at all, and the same datagov there.

        Raises
        ------
        ConfigError
            Every task would wait for ever, or the nodes would write other bytes.
        """
        greeting = ray.remote(num_cpus=1)(_version).remote()
        answered, _ = ray.wait([greeting], timeout=FREE_CPU_S)
        if not answered:
            ray.cancel(greeting, force=True)
            total, free = (
                resources.get("CPU", 0.0)
                for resources in (ray.cluster_resources(), ray.available_resources())
            )
            raise ConfigError(
                f"no CPU of the Ray cluster came free in {FREE_CPU_S:.0f} s: of {total:g} CPUs {free:g} are free, and a "
                "task needs one. A job that holds CPUs itself waits for itself: submit it with --entrypoint-num-cpus 0; "
                "otherwise add nodes, or wait for the other jobs"
            )
        try:
            found = ray.get(greeting)
        except ray.exceptions.RayError as error:
            raise ConfigError(
                f"the Ray cluster's workers cannot run datagov ({type(error).__name__}: {str(error).splitlines()[-1]}); "
                "install it on all nodes, or name it in the job's runtime environment"
            ) from error
        if found != __version__:
            raise ConfigError(
                f"the Ray cluster's nodes have datagov {found}, this process has {__version__}; install one version on "
                "all, or name it in the job's runtime environment"
            )


def _version() -> str:
    """Return the version of datagov where this runs."""
    return __version__


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
