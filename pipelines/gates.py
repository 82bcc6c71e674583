"""Gates: from where on a recipe measures survivors only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from datagov.edits import EDITS
from pipelines.filters import of_survivors

if TYPE_CHECKING:
    from pipelines.recipe import Step

__all__ = ["gates_of"]


def gates_of(steps: Sequence[Step]) -> dict[int, int]:
    """Return the gates of a recipe, in order: the position before which each stands -> that of the filter it serves.

    A gate serves a filter that measures survivors, and stands before the edits by document that lead up to it. The
    steps before it are decided first; all that is measured behind it, up to the next, is of the documents they left.
    The first gate has a step before it that may drop a document: without one, all survive. Each later one has a step that looks
    across documents between it and the last: filters alone leave too little out for another reading to be worth it.
    """
    gates: dict[int, int] = {}
    due = False
    start = 0
    for at, step in enumerate(steps):
        if step.kind in EDITS and EDITS[step.kind].by == "document":
            continue
        if step.kind == "filter" and due and of_survivors(step.resolved):
            gates[start] = at
            due = False
        else:
            drops = not step.resolved.get("annotate", False)
            due = due or (drops and (step.kind != "filter" if gates else step.kind not in EDITS))
        start = at + 1
    return gates
