"""How many examples a property test tries: all of them in `make test`, a part in `make check`, which has two minutes."""

from __future__ import annotations

import os

__all__ = ["examples"]

SHARE = float(os.environ.get("DATAGOV_TEST_EXAMPLES", "1"))
FEWEST = 10


def examples(full: int) -> int:
    """Return how many of `full` examples are tried: the share DATAGOV_TEST_EXAMPLES names (all of them without it)."""
    return min(full, max(FEWEST, round(full * SHARE)))
