"""The program `datagov`; `python -m datagov` is the same."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress

__all__ = ["program"]

YOUNG_OBJECTS = 50_000
"""New containers before a collection. Python's 700 means hundreds of collections while modules and kernels load."""


def program() -> None:
    """Run the command line as the whole work of this process, and end it with its exit code."""
    gc.set_threshold(YOUNG_OBJECTS)
    ending: list[int] = []
    # Registered before all others, so that it is called after them.
    atexit.register(leave, ending)
    from datagov.cli import main  # noqa: PLC0415 - its imports are what the threshold is for

    ending.append(main())
    sys.exit(ending[0])


def leave(ending: list[int]) -> None:
    """End the process now where the work is done: taking the interpreter apart would cost half a second more."""
    if not ending:
        return
    for stream in (sys.stdout, sys.stderr):
        # `main` has written out what could be written.
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(ending[0])


if __name__ == "__main__":
    program()
