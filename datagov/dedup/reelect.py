"""The election repeated without texts: from stored buckets, stored comparisons and what an earlier election tells.

The documents alive when the election begins may have changed, and may be known in part
(`datagov.dedup.alive`); pairs that were never compared are unknown. The answer says who is removed whatever
the unknown is, and who in some case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datagov.dedup.alive import Alive
from datagov.dedup.jaccard import as_fraction
from datagov.dedup.mixing import fixed, ragged
from datagov.errors import ConfigError, InputError
from datagov.text.kernel import kernel

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["Compared", "Earlier", "Reelection", "reelect"]


@dataclass(frozen=True)
class Compared:
    """M pairs of documents, by place in keep order, whose exact Jaccard was once measured."""

    a: np.ndarray
    """int64[M]."""
    b: np.ndarray
    """int64[M]."""
    intersection: np.ndarray
    """int64[M]."""
    union: np.ndarray
    """int64[M]."""
    tried: np.ndarray
    """bool[M]: the sizes of the two sets alone do not rule out the threshold of the new election, so that
    the pair costs a try there. False: not known, unless the pair is similar."""

    def by_key(self, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return (later * count + earlier, ascending and distinct; intersection; union; tried)."""
        key = np.maximum(self.a, self.b) * count + np.minimum(self.a, self.b)
        order = np.lexsort((~self.tried, key))
        key = key[order]
        first = np.ones(len(key), bool)
        first[1:] = key[1:] != key[:-1]
        order = order[first]
        return key[first], self.intersection[order], self.union[order], self.tried[order]


@dataclass(frozen=True)
class Earlier:
    """An election held before among the same n documents, in the same keep order, and what it passed over.

    An election compares a document with all kept documents of its buckets, most shared buckets first, then
    in keep order, except those whose sizes alone rule the threshold out. So a kept document that stands
    before the last one compared, or any kept document at all if the document was kept without its budget
    being spent, and with which there was no comparison, was passed over for its size: the two are not
    similar at that election's threshold, nor at a higher one, and cost no try there.
    """

    alive: np.ndarray
    """bool[n]: took part."""
    kept: np.ndarray
    """bool[n]: took part and stayed."""
    finished: np.ndarray
    """bool[n]: stayed with no candidate left untried."""
    last_shares: np.ndarray
    """int64[n]: buckets shared with the last document it was compared with."""
    last_place: np.ndarray
    """int64[n]: that document; where there is none, nothing stands before it."""

    @classmethod
    def nothing(cls, count: int) -> Earlier:
        """No election that tells anything."""
        never = np.zeros(count, bool)
        return cls(never, never, never, np.full(count, np.iinfo(np.int64).max), np.full(count, -1))

    @classmethod
    def held(
        cls,
        alive: np.ndarray,
        kept: np.ndarray,
        spent: np.ndarray,
        pairs: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> Earlier:
        """Read an election.

        Parameters
        ----------
        alive, kept, spent : bool[n]
            Who took part, who stayed, and who stayed with candidates untried.
        pairs : (int64[E], int64[E], int64[E])
            Document tried, kept document it was tried against, buckets they share; those of one document
            in order of evaluation.
        """
        shares = np.full(len(alive), np.iinfo(np.int64).max)
        place = np.full(len(alive), -1, np.int64)
        # Of several values assigned to one element numpy keeps the last.
        shares[pairs[0]] = pairs[2]
        place[pairs[0]] = pairs[1]
        return cls(alive, kept, kept & ~spent, shares, place)


@dataclass(frozen=True)
class Reelection:
    """What an election repeated without texts can say of its n documents."""

    certain: np.ndarray
    """bool[n]: removed, if alive, whatever the unknown pairs are."""
    possible: np.ndarray
    """bool[n]: removed, if alive, in some case."""
    unknown_pairs: int
    """Pairs never compared on which the verdicts left open depend."""


def reelect(
    bucket_ids: np.ndarray,
    bucket_offsets: np.ndarray,
    alive: Alive,
    compared: Compared,
    earlier: Earlier,
    *,
    threshold: float | Fraction | str,
    max_tries: int,
) -> Reelection:
    """Repeat the election of `datagov.dedup.elect` from stored buckets and stored comparisons.

    Parameters
    ----------
    bucket_ids, bucket_offsets : int64[M], int64[n+1]
        As for `elect`: the buckets of all n documents that are in one, in keep order, alive or not.
    alive : Alive
        Of the n documents.
    compared : Compared
        Pairs whose Jaccard is known.
    earlier : Earlier
        An election whose threshold was not above `threshold`, or `Earlier.nothing`.
    threshold : float, str or Fraction
        Jaccard from which a document is a near-duplicate, in (0, 1].
    max_tries : int
        Most comparisons for one document.

    Returns
    -------
    Reelection
        The truth lies inside, by induction over the documents in keep order. The true election removes an
        alive document d iff among the documents kept before it that share a bucket, in the order they are
        tried, one is similar and fewer than `max_tries` before it cost a try (where an earlier one is
        similar, d is removed as well). Let the claim hold for all documents before d: a document that is
        surely alive and not possibly removed is kept, and no kept document is certainly removed or not
        possibly alive. Then

        * d is certainly removed if a surely kept document is known to be similar, and fewer than
          `max_tries` possibly kept documents before it possibly cost a try: it is reached, or d is removed
          before. This holds in every case, so also in the true one.
        * d is possibly removed unless every possibly kept document is known not to be similar, or has
          `max_tries` surely kept documents before it that surely cost a try: then nothing reachable is
          similar in any case.

        Which pairs share buckets, and how many, does not depend on who is alive.
    """
    fraction = as_fraction(threshold)
    if max_tries < 1:
        raise ConfigError(f"max_tries is at least 1, not {max_tries}")
    bucket_ids, bucket_offsets = ragged(bucket_ids, bucket_offsets, np.int64)
    n = len(bucket_offsets) - 1
    if not len(alive.sure) == len(alive.possible) == len(earlier.alive) == n:
        raise InputError(f"an election of {n} documents was given the fates of {len(alive.sure)}")
    distinct, dense = np.unique(bucket_ids, return_inverse=True)
    bucket_starts = np.zeros(len(distinct) + 1, dtype=np.int64)
    np.cumsum(np.bincount(dense, minlength=len(distinct)), out=bucket_starts[1:])
    keys, intersection, union, tried = compared.by_key(n)
    certain, possible, unknown = _reelect(
        (fixed(dense, np.int64), bucket_offsets, fixed(bucket_starts, np.int64)),
        (fixed(alive.sure, np.bool_), fixed(alive.possible, np.bool_)),
        (
            fixed(keys, np.int64),
            fixed(intersection * fraction.denominator >= union * fraction.numerator, np.bool_),
            fixed(tried, np.bool_),
        ),
        (
            fixed(earlier.alive, np.bool_),
            fixed(earlier.kept, np.bool_),
            fixed(earlier.finished, np.bool_),
            fixed(earlier.last_shares, np.int64),
            fixed(earlier.last_place, np.int64),
        ),
        max_tries,
    )
    return Reelection(certain, possible, int(unknown))


@kernel
def _reelect(
    buckets: tuple[np.ndarray, np.ndarray, np.ndarray],
    alive: tuple[np.ndarray, np.ndarray],
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray],
    earlier: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    max_tries: int,
) -> tuple[np.ndarray, np.ndarray, int]:
    bucket_ids, bucket_offsets, bucket_starts = buckets
    sure, possible = alive
    pair_keys, pair_similar, pair_tried = pairs
    was_alive, was_kept, finished, last_shares, last_place = earlier
    n = len(sure)
    certain = np.zeros(n, dtype=np.bool_)
    perhaps = np.zeros(n, dtype=np.bool_)
    kept = np.empty(len(bucket_ids), dtype=np.int64)
    kept_ends = bucket_starts.copy()
    shares = np.zeros(n, dtype=np.int64)
    candidates = np.empty(n, dtype=np.int64)
    unknown = 0
    for document in range(n):
        if not possible[document]:
            continue
        # Possibly kept documents that share a bucket, and how many buckets they share.
        count = 0
        most = 0
        for i in range(bucket_offsets[document], bucket_offsets[document + 1]):
            bucket = bucket_ids[i]
            for j in range(bucket_starts[bucket], kept_ends[bucket]):
                other = kept[j]
                if shares[other] == 0:
                    candidates[count] = other
                    count += 1
                shares[other] += 1
                most = max(most, shares[other])
        if count > max_tries:
            # In the order they are tried; up to max_tries all are reached and the order says nothing.
            for i in range(count):
                candidates[i] = (most - shares[candidates[i]]) * n + candidates[i]
            candidates[:count].sort()
            for i in range(count):
                candidates[i] %= n
        surely_tried = 0
        perhaps_tried = 0
        unknown_here = 0
        for i in range(count):
            if surely_tried >= max_tries or certain[document]:
                break
            other = candidates[i]
            surely_kept = sure[other] and not perhaps[other]
            key = document * n + other
            at = np.searchsorted(pair_keys, key)
            if at < len(pair_keys) and pair_keys[at] == key:
                if pair_similar[at]:
                    perhaps[document] = True
                    if surely_kept and perhaps_tried < max_tries:
                        certain[document] = True
                perhaps_tried += 1
                if surely_kept and (pair_tried[at] or pair_similar[at]):
                    surely_tried += 1
                continue
            before_last = shares[other] > last_shares[document] or (
                shares[other] == last_shares[document] and other < last_place[document]
            )
            if was_alive[document] and was_kept[other] and (finished[document] or before_last):
                continue
            perhaps[document] = True
            perhaps_tried += 1
            unknown_here += 1
        if not certain[document]:
            unknown += unknown_here
        for i in range(count):
            shares[candidates[i]] = 0
        if not certain[document]:
            for i in range(bucket_offsets[document], bucket_offsets[document + 1]):
                bucket = bucket_ids[i]
                kept[kept_ends[bucket]] = document
                kept_ends[bucket] += 1
    return certain, perhaps, unknown
