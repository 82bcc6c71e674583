"""Put on PYTHONPATH by a fault test: lets one file operation fail, or end the process, as the test asks.

Nothing of the program is replaced. Python reports every file operation to audit hooks before it
happens; this hook waits for the operation named by the environment variable FAULT (JSON):

    event    open, os.link (a file is published) or os.rename (a receipt or manifest takes its place)
    path     regular expression that the operation's destination must match
    action   kill: SIGKILL to this process; kill-group: to its process group; full: no space on the device
    skip     how many matching operations pass before it (default 0)
    once     path of a file made at the first fault, after which there are no more (default: no limit)
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


class Fault:
    """Watches for one operation of this process."""

    def __init__(self, *, event: str, path: str, action: str, skip: int = 0, once: str | None = None) -> None:
        self.event = event
        self.path = re.compile(path)
        self.action = action
        self.skip = skip
        self.once = once

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at one audit event."""
        if event != self.event:
            return
        target = arguments[0] if event == "open" else arguments[1]
        if isinstance(target, int) or not self.path.search(os.fsdecode(target)):
            return
        if self.skip:
            self.skip -= 1
        elif self._first():
            self._strike(target)

    def _first(self) -> bool:
        if self.once is None:
            return True
        if os.path.exists(self.once):  # noqa: PTH110 - before pathlib is wanted
            return False
        os.close(os.open(self.once, os.O_CREAT | os.O_WRONLY))
        return True

    def _strike(self, target: Any) -> None:
        if self.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.action == "kill-group":
            os.killpg(os.getpgid(0), signal.SIGKILL)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)


if FAULT is not None:
    sys.addaudithook(Fault(**FAULT))
