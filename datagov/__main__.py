"""The program `datagov`; `python -m datagov` is the same."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from pathlib import Path

from datagov.garbage import collect_seldom

__all__ = ["program"]


def program() -> None:
    """Run the command line as the whole work of this process, and end it with its exit code."""
    collect_seldom()
    for name in ("stdout", "stderr"):
        # One that was closed before the start is None here: what is said to it is lost, no more.
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - as long as the process
    ending: list[int] = []
    # Registered before all others, so that it is called after them.
    atexit.register(leave, ending)
    from datagov.cli import main  # noqa: PLC0415 - its imports are what makes most objects

    ending.append(main())
    sys.exit(ending[0])


def leave(ending: list[int]) -> None:
    """End the process now where the work is done: taking the interpreter apart takes as long as many a command."""
    if not ending:
        return
    for stream in (sys.stdout, sys.stderr):
        # `main` has written out what could be written.
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(ending[0])


if __name__ == "__main__":
    program()
