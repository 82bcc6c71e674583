"""Finding personal data in a batch of texts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from datagov.pii.checks import CONTEXT_CHARS, check_of
from datagov.pii.kinds import NAMES, chosen_kinds
from datagov.pii.scan import candidates

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["Found", "find"]

NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {0xA0: 0x20, 0x3000: 0x20}


@dataclass(frozen=True, eq=False)
class Found:
    """S stretches of personal data, by start; none overlap."""

    row: npt.NDArray[np.int64]
    """int64[S]: the document."""
    kind: npt.NDArray[np.int64]
    """int64[S]: index into `kinds.KINDS`."""
    start: npt.NDArray[np.int64]
    """int64[S]: position in the batch's code points."""
    end: npt.NDArray[np.int64]
    """int64[S]: exclusive."""


def find(
    batch: TextBatch, *, kinds: Collection[str] = NAMES, regions: Sequence[str] = (), by: str | None = None
) -> Found:
    """Return the personal data in a batch.

    Parameters
    ----------
    batch : TextBatch
    kinds : collection of str
        Names out of `kinds.NAMES`.
    regions : sequence of str
        Two-letter codes of regions whose telephone numbers count in their national form too.
    by : str or None
        The libraries the work was planned with, as `extras.named` says them; None takes any version.

    Returns
    -------
    Found
        Of candidates that overlap, the one whose kind stands first in `KINDS`, and of one kind that which begins
        first, then the longer.

    Raises
    ------
    ConfigError
        A kind is unknown, or a library that one needs is missing or of another version than planned with.
    """
    names = [kind.name for kind in chosen_kinds(kinds)]
    points = batch.code_points
    # Checks are made before there is anything to check: a missing library is an error on every text.
    checks = {NAMES.index(name): check_of(name, regions=tuple(regions), by=by) for name in names}
    found = candidates(points, batch.offsets, names, national=bool(regions))
    row = np.searchsorted(batch.offsets, found[:, 1], side="right") - 1
    stands = np.zeros(len(found), np.bool_)
    for at, (kind, start, end) in enumerate(found.tolist()):
        check = checks[kind]
        if check is None:
            stands[at] = True
            continue
        first = max(int(batch.offsets[row[at]]), start - CONTEXT_CHARS)
        text = "".join(map(chr, points[first:end].tolist())).translate(NARROW)
        span = check(text[start - first :], text[: start - first])
        if span is not None:
            stands[at] = True
            found[at, 1:] = start + span[0], start + span[1]
    return apart(found[stands], row[stands])


def apart(found: npt.NDArray[np.int64], row: npt.NDArray[np.int64]) -> Found:
    """Return those of int64[M, 3] (kind, start, end) that no other with a better claim overlaps, by start."""
    kept: list[int] = []
    order = np.lexsort((-found[:, 2], found[:, 0], found[:, 1]))
    cluster: list[int] = []
    reach = -1
    for at in order.tolist():
        if found[at, 1] >= reach and cluster:
            kept += best(found, cluster)
            cluster = []
        cluster.append(at)
        reach = max(reach, int(found[at, 2]))
    kept += best(found, cluster)
    chosen = np.array(sorted(kept, key=lambda at: int(found[at, 1])), np.int64)
    return Found(row[chosen], found[chosen, 0], found[chosen, 1], found[chosen, 2])


def best(found: npt.NDArray[np.int64], cluster: list[int]) -> list[int]:
    """Return those of a chain of overlapping candidates that stay: by kind, then start, then length."""
    if len(cluster) < 2:
        return cluster
    taken: list[int] = []
    for at in sorted(cluster, key=lambda at: (found[at, 0], found[at, 1], -found[at, 2])):
        if all(found[at, 2] <= found[other, 1] or found[at, 1] >= found[other, 2] for other in taken):
            taken.append(at)
    return taken
