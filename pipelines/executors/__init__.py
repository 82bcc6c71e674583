"""Executors: they schedule tasks and bring back receipts; what a task does is written in the stages."""
# ruff: noqa: PLC0415 - Ray is imported only when it is asked for

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol

from datagov.errors import ConfigError, did_you_mean
from pipelines.stage import Outcome, Task

__all__ = ["EXECUTORS", "Executor", "make_executor"]

EXECUTORS = ("local", "ray")


class Executor(Protocol):
    """Runs tasks somewhere. A task whose worker dies is done again, alone."""

    name: str
    workers: int

    def map(self, tasks: Sequence[Task]) -> Generator[tuple[int, Outcome], None, None]:
        """Yield (index of the task, its receipts or error) in order of completion."""

    def close(self) -> None:
        """Give back processes."""


def make_executor(
    name: str, *, workers: int | None, address: str | None, shared_filesystem: bool
) -> Executor:
    """Return the executor called `name`.

    Parameters
    ----------
    name : str
        `local` or `ray`.
    workers : int or None
        Processes (local) or tasks at once (ray); None for one a CPU.
    address : str or None
        Ray only: the cluster; None starts one on this machine.
    shared_filesystem : bool
        Ray only: whether all nodes see the same paths.

    Raises
    ------
    ConfigError
        Unknown name, or options that do not fit.
    """
    if name not in EXECUTORS:
        raise ConfigError(f"unknown executor {name!r}. {did_you_mean(name, EXECUTORS)}")
    if workers is not None and workers < 1:
        raise ConfigError(f"--workers {workers}: at least one worker is needed")
    if name == "local":
        if address is not None:
            raise ConfigError("--address names a Ray cluster; it goes with --executor ray")
        from pipelines.executors.local import LocalExecutor

        return LocalExecutor(workers)
    from pipelines.executors.on_ray import RayExecutor

    return RayExecutor(workers, address=address, shared_filesystem=shared_filesystem)
