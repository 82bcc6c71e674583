"""Put on PYTHONPATH by a fault test: lets file operations fail, or end the process, as the test asks.

Nothing of the program is replaced. Python reports file operations to audit hooks before they happen; `os.fsync`,
which it does not report, is wrapped to do the same. The hooks wait for the operations named by the environment
variable FAULT (JSON; one fault or a list):

    event    open, os.fsync (of a file before it is closed, or of a folder after a name was put into it),
             os.link (a file is published) or os.rename (a receipt or manifest takes its place)
    path     regular expression that the operation's destination must match
    action   kill: SIGKILL to this process; kill-group: to its process group; tear: cut the file in half, then
             kill-group; pause: stop until SIGCONT; full: no space on the device; error: out of memory
    skip     how many matching operations pass before it (default 0)
    once     path of a file made at the first fault, after which there are no more (default: no limit)
    leader   path of a file with the pid whose process group kill-group means, besides this process
             (default: the own group)
"""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import sys
from typing import Any

FAULT = json.loads(os.environ.get("FAULT", "null"))
FSYNC = os.fsync


class Fault:
    """Watches for one operation of this process."""

    def __init__(
        self,
        *,
        event: str,
        path: str,
        action: str,
        skip: int = 0,
        once: str | None = None,
        leader: str | None = None,
    ) -> None:
        self.event = event
        self.path = re.compile(path)
        self.action = action
        self.skip = skip
        self.once = once
        self.leader = leader

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at one audit event."""
        if event != self.event:
            return
        target = arguments[0] if event in {"open", "os.fsync"} else arguments[1]
        if isinstance(target, int) or not self.path.search(os.fsdecode(target)):
            return
        if self.skip:
            self.skip -= 1
        elif self._first():
            self._strike(target)

    def _first(self) -> bool:
        if self.once is None:
            return True
        try:
            os.close(os.open(self.once, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            return False
        return True

    def _strike(self, target: Any) -> None:
        if self.action == "tear":
            os.truncate(target, os.stat(target).st_size // 2)  # noqa: PTH116 - before pathlib is wanted
        if self.action in {"tear", "kill-group"}:
            self._kill_group()
        elif self.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.action == "pause":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif self.action == "error":
            raise MemoryError(f"injected at {target}")
        else:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)

    def _kill_group(self) -> None:
        if self.leader is None:
            os.killpg(os.getpgid(0), signal.SIGKILL)
            return
        with open(self.leader) as file:  # noqa: PTH123 - the same
            leader = int(file.read())
        os.killpg(leader, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def watch(faults: list[Fault]) -> None:
    """Let every fault see the file operations of this process."""
    for fault in faults:
        sys.addaudithook(fault)

    def fsync(handle: int) -> None:
        target = os.readlink(f"/proc/self/fd/{handle}")  # noqa: PTH115 - the same
        for fault in faults:
            fault("os.fsync", (target,))
        FSYNC(handle)

    os.fsync = fsync


if FAULT is not None:
    watch([Fault(**fault) for fault in (FAULT if isinstance(FAULT, list) else [FAULT])])
