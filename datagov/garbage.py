"""How often Python looks for garbage in cycles, in the processes that are datagov's own."""

from __future__ import annotations

import gc

__all__ = ["collect_seldom"]

YOUNG_OBJECTS = 50_000
"""New containers before a collection. Python's own number (700 in 3.11) means hundreds of collections while modules and kernels load, and
batches of Arrow and numpy leave no cycles."""


def collect_seldom() -> None:
    """Let this process look for cycles seldom."""
    gc.set_threshold(YOUNG_OBJECTS)
