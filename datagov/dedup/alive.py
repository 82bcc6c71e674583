"""Deciding again over a changed set of documents: who is certainly left after a step, and who is possibly.

Some documents are certainly alive when a step begins (`sure`), some possibly (`possible`); the true set of
a full rerun, A, lies between: sure <= A <= possible. For every step this module names the documents that
the step removes *in every* A between the two, and those it removes *in some* of them, if they are alive.
`Alive.without` then gives the next pair of sets, and with them the range of removals.

Why the truth always lies inside. Let `certain` hold only documents d for which "d alive" implies "d is
removed by this step" in the true rerun, and let `possible` hold all documents that the step removes there.
Then the true survivors A' = A minus removed satisfy

    sure minus possible  <=  A'  <=  possibly alive minus certain,

and the true number of removals lies between |sure and certain| and |possibly alive and possible|: each
document of the first set is alive and removed, each removed document is in the second. So the claim for all
steps follows by induction from the claim for one. For bounds it is plain, since they look at one document:
both sets are the documents outside the bounds. For the others it stands at `copies` and at
`datagov.dedup.reelect.reelect`. When no step leaves a document in doubt, the two sets are equal after every
step, and all figures are those of a full rerun.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Alive", "copies"]


@dataclass(frozen=True)
class Alive:
    """What is known of which of N documents are alive."""

    sure: np.ndarray
    """bool[N]: certainly alive."""
    possible: np.ndarray
    """bool[N]: possibly alive; all of `sure` among them."""

    @property
    def exact(self) -> bool:
        """Whether nothing is in doubt."""
        return bool(np.array_equal(self.sure, self.possible))

    def without(self, certain: np.ndarray, possible: np.ndarray) -> tuple[Alive, tuple[int, int]]:
        """Return who is left after a step, and the least and most documents the step removed.

        Parameters
        ----------
        certain, possible : bool[N]
            Documents that the step removes, if they are alive, in every case and in some case.
        """
        low = int(np.count_nonzero(self.sure & certain))
        high = int(np.count_nonzero(self.possible & possible))
        return Alive(self.sure & ~possible, self.possible & ~certain), (low, high)


def copies(
    key_high: np.ndarray, key_low: np.ndarray, place: np.ndarray, alive: Alive
) -> tuple[np.ndarray, np.ndarray]:
    """Say who goes when the best alive document of each key stays.

    Parameters
    ----------
    key_high, key_low : uint64[M]
        Halves of the keys.
    place : int64[M]
        Places in keep order, distinct; smaller is better.
    alive : Alive
        Of the M documents.

    Returns
    -------
    certain, possible : bool[M]
        A document goes iff a better one with its key is alive. So it goes in every case if a better one is
        surely alive, and in some case only if a better one is possibly alive.
    """
    chosen = np.flatnonzero(alive.possible)
    order = chosen[np.lexsort((place[chosen], key_low[chosen], key_high[chosen]))]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (key_high[order][1:] != key_high[order][:-1]) | (key_low[order][1:] != key_low[order][:-1])
    sure = alive.sure[order].astype(np.int64)
    before = np.cumsum(sure) - sure
    first = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
    certain, possible = np.zeros(len(place), bool), np.zeros(len(place), bool)
    certain[order] = before > before[first]
    possible[order] = ~fresh
    return certain, possible
