"""local: a pool of spawned processes on this machine; with one worker, this process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait as wait_for_end

from datagov.errors import PartialRun
from datagov.garbage import collect_seldom
from pipelines.stage import Outcome, Task
from pipelines.stages import execute

__all__ = ["LocalExecutor"]

ATTEMPTS = 3
"""How often a task may take its worker down before the run gives up on it."""


class LocalExecutor:
    """Tasks in spawned processes. A killed worker costs the tasks that were in flight, nothing else."""

    name = "local"

    def __init__(self, workers: int | None) -> None:
        self.workers = workers or len(os.sched_getaffinity(0))
        self._pool: ProcessPoolExecutor | None = None

    def map(self, tasks: Sequence[Task]) -> Generator[tuple[int, Outcome], None, None]:
        """Yield (index of the task, its outcome) as tasks finish.

        Raises
        ------
        PartialRun
            A task took its worker down `ATTEMPTS` times; raised when the others are done.
        """
        if self.workers == 1 or len(tasks) == 1:
            for index, task in enumerate(tasks):
                yield index, execute(task)
            return
        left = dict(enumerate(tasks))
        attempts = dict.fromkeys(left, 0)
        given_up: list[str] = []
        while left:
            # A dead worker breaks the whole pool and does not say whose fault it was. Tasks that were
            # running are tried again one at a time, so that a task that kills its worker kills alone.
            suspects = [index for index in left if attempts[index]]
            batch = [suspects[0]] if suspects else list(left)
            try:
                yield from self._finish(left, batch)
            except BrokenProcessPool:
                self._drop_pool()
                for index in self._running & left.keys():
                    attempts[index] += 1
                    if attempts[index] >= ATTEMPTS:
                        task = left.pop(index)
                        given_up.append(f"{task.stage} {task.unit}")
        if given_up:
            raise PartialRun(
                f"{', '.join(given_up)}: the worker died {ATTEMPTS} times, most often for want of memory; "
                "finished parts are kept. Run again with fewer --workers to resume"
            )

    def close(self) -> None:
        """Stop the workers; what they had not committed is lost and will be done again."""
        if self._pool is not None:
            for process in list((self._pool._processes or {}).values()):  # noqa: SLF001 - no public way to stop now
                process.terminate()
            self._drop_pool()

    def _finish(self, left: dict[int, Task], batch: list[int]) -> Generator[tuple[int, Outcome], None, None]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start_worker
            )
        waiting = list(reversed(batch))
        running: dict[Future[Outcome], int] = {}
        self._running: set[int] = set()
        try:
            while waiting or running:
                while waiting and len(running) < 2 * self.workers:
                    index = waiting.pop()
                    with _deaf_to_ctrl_c():
                        future = self._pool.submit(execute, left[index])
                    running[future] = index
                    self._running.add(index)
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    outcome = future.result()
                    index = running.pop(future)
                    self._running.discard(index)
                    del left[index]
                    yield index, outcome
        except GeneratorExit:
            # Nobody wants the rest: what is at work may still commit, so that nothing is cut off halfway.
            wait([future for future in running if not future.cancel()])
            raise

    def _drop_pool(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let processes that are started inside be born with SIGINT blocked; here it is heard afterwards.

    A worker that is interrupted while it imports would print a traceback, and so would one whose parent stops before
    it has been told what to do. Blocking keeps the signal from this thread alone: where another thread takes it,
    its handler would still run here, so that the handler waits as well.
    """
    heard: list[int] = []
    here = threading.current_thread() is threading.main_thread()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    handler = signal.signal(signal.SIGINT, lambda number, _: heard.append(number)) if here else None
    try:
        yield
    finally:
        if here:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if heard:
            signal.raise_signal(signal.SIGINT)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, which stops the workers in order; end when the parent has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_seldom()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A worker that waits for tasks does not notice that the parent was killed: it would stay for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_end([parent.sentinel])
        os._exit(1)
