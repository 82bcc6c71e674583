"""Who is removed, and against whom: the election within one component of candidates.

Documents come in keep order. Each is compared with documents already kept that share a bucket with it,
and is removed if and only if one of them has the similarity asked for. So a document is removed only
for a kept one it was verified against, never for a chain of others; and a component, which is only a
set of documents connected by buckets, is a unit of work and not a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datagov.dedup.jaccard import as_fraction, shared
from datagov.dedup.mixing import fixed, ragged
from datagov.errors import ConfigError, InputError
from datagov.text.kernel import kernel

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["Election", "elect"]

MAX_TRIES = 64
"""How many kept documents one document is compared with by default."""


@dataclass(frozen=True)
class Election:
    """What an election decided for its n documents, and the evidence: E pairs, in order of evaluation.

    Documents are named by their place in keep order.
    """

    removed: np.ndarray
    """bool[n]."""
    keeper: np.ndarray
    """int64[n]: the kept document it was removed for; -1 where it is kept."""
    budget_spent: np.ndarray
    """bool[n]: kept although candidates were left untried after `max_tries`."""
    pair_a: np.ndarray
    """int64[E]: the document tried."""
    pair_b: np.ndarray
    """int64[E]: the kept document it was tried against; always smaller than `pair_a`."""
    shared_bands: np.ndarray
    """int32[E]: buckets the two share."""
    agreeing_rows: np.ndarray
    """int32[E]: rows in which their one-byte signatures agree, of P."""
    intersection: np.ndarray
    """int64[E]: shingles the two share."""
    union: np.ndarray
    """int64[E]: shingles either has; Jaccard is intersection / union."""
    verified: np.ndarray
    """bool[E]: Jaccard reaches the threshold."""


def elect(
    sets: np.ndarray,
    set_offsets: np.ndarray,
    bucket_ids: np.ndarray,
    bucket_offsets: np.ndarray,
    signature_bytes: np.ndarray,
    *,
    threshold: float | Fraction | str,
    max_tries: int = MAX_TRIES,
) -> Election:
    """Elect the keepers of one component.

    Parameters
    ----------
    sets : uint64[U]
        Shingle hashes, ascending and distinct within each document (`jaccard.shingle_sets`).
    set_offsets : int64[n+1]
        Document i, in keep order, owns `sets[set_offsets[i]:set_offsets[i+1]]`.
    bucket_ids : int64[M]
        Buckets the documents are in, none twice for one document. Any numbers; only equality counts.
    bucket_offsets : int64[n+1]
        Document i is in buckets `bucket_ids[bucket_offsets[i]:bucket_offsets[i+1]]`.
    signature_bytes : uint8[n, P]
        One-byte signatures, for the evidence only.
    threshold : float, str or Fraction
        Jaccard from which a document is a near-duplicate, in (0, 1]; compared exactly.
    max_tries : int
        Most comparisons for one document.

    Returns
    -------
    Election
        Candidates are tried by most shared buckets, then by keep order. A candidate whose number of
        shingles alone rules the threshold out is passed over and costs no try. A document without
        shingles is kept and matches nothing.

    Raises
    ------
    ConfigError
        When the threshold or `max_tries` is out of range.
    InputError
        When the arrays are not about the same number of documents.
    """
    fraction = as_fraction(threshold)
    if max_tries < 1:
        raise ConfigError(f"max_tries is at least 1, not {max_tries}")
    sets, set_offsets = ragged(sets, set_offsets, np.uint64)
    bucket_ids, bucket_offsets = ragged(bucket_ids, bucket_offsets, np.int64)
    n = len(set_offsets) - 1
    if len(bucket_offsets) - 1 != n or len(signature_bytes) != n:
        raise InputError(
            f"an election of {n} documents was given the buckets of {len(bucket_offsets) - 1} "
            f"and the signatures of {len(signature_bytes)}"
        )
    distinct, dense = np.unique(bucket_ids, return_inverse=True)
    bucket_starts = np.zeros(len(distinct) + 1, dtype=np.int64)
    np.cumsum(np.bincount(dense, minlength=len(distinct)), out=bucket_starts[1:])
    keeper, budget_spent, pairs = _elect(
        (sets, set_offsets),
        (fixed(dense, np.int64), bucket_offsets, fixed(bucket_starts, np.int64)),
        (fraction.numerator, fraction.denominator, max_tries),
    )
    a, b = pairs[:, 0].copy(), pairs[:, 1].copy()
    agreeing = np.empty(len(pairs), dtype=np.int32)
    _agreeing(fixed(signature_bytes, np.uint8), fixed(a, np.int64), fixed(b, np.int64), agreeing)
    return Election(
        removed=keeper >= 0,
        keeper=keeper,
        budget_spent=budget_spent,
        pair_a=a,
        pair_b=b,
        shared_bands=pairs[:, 2].astype(np.int32),
        agreeing_rows=agreeing,
        intersection=pairs[:, 3].copy(),
        union=pairs[:, 4].copy(),
        verified=pairs[:, 3] * fraction.denominator >= pairs[:, 4] * fraction.numerator,
    )


@kernel
def _elect(
    documents: tuple[np.ndarray, np.ndarray],
    buckets: tuple[np.ndarray, np.ndarray, np.ndarray],
    limits: tuple[int, int, int],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sets, set_offsets = documents
    bucket_ids, bucket_offsets, bucket_starts = buckets
    numerator, denominator, max_tries = limits
    n = len(set_offsets) - 1
    keeper = np.full(n, -1, dtype=np.int64)
    budget_spent = np.zeros(n, dtype=np.bool_)
    kept = np.empty(len(bucket_ids), dtype=np.int64)
    kept_ends = bucket_starts.copy()
    shares = np.zeros(n, dtype=np.int32)
    candidates = np.empty(n, dtype=np.int64)
    level = np.empty(min(max_tries, n), dtype=np.int64)
    pairs = np.empty((max(n, 16), 5), dtype=np.int64)
    pair_count = 0
    for document in range(n):
        start = set_offsets[document]
        stop = set_offsets[document + 1]
        size = stop - start
        if size == 0:
            continue
        # Kept documents that share a bucket, and how many buckets they share.
        count = 0
        for i in range(bucket_offsets[document], bucket_offsets[document + 1]):
            bucket = bucket_ids[i]
            for j in range(bucket_starts[bucket], kept_ends[bucket]):
                other = kept[j]
                if shares[other] == 0:
                    candidates[count] = other
                    count += 1
                shares[other] += 1
        # Jaccard is at most the smaller set over the larger.
        possible = 0
        wanted = 0
        for i in range(count):
            other = candidates[i]
            other_size = set_offsets[other + 1] - set_offsets[other]
            if min(size, other_size) * denominator >= max(size, other_size) * numerator:
                candidates[possible] = other
                possible += 1
                wanted = max(wanted, shares[other])
            else:
                shares[other] = 0
        tries = 0
        while wanted > 0 and tries < max_tries and keeper[document] < 0:
            # The first documents in keep order among those that share the most buckets.
            room = max_tries - tries
            chosen = 0
            below = 0
            for i in range(possible):
                other = candidates[i]
                if shares[other] != wanted:
                    if shares[other] < wanted:
                        below = max(below, shares[other])
                    continue
                if chosen == room:
                    if other > level[chosen - 1]:
                        continue
                    chosen -= 1
                place = chosen
                while place > 0 and level[place - 1] > other:
                    level[place] = level[place - 1]
                    place -= 1
                level[place] = other
                chosen += 1
            for i in range(chosen):
                other = level[i]
                intersection = shared(sets, start, stop, set_offsets[other], set_offsets[other + 1])
                union = size + set_offsets[other + 1] - set_offsets[other] - intersection
                if pair_count == len(pairs):
                    grown = np.empty((2 * pair_count, 5), dtype=np.int64)
                    grown[:pair_count] = pairs
                    pairs = grown
                pairs[pair_count, 0] = document
                pairs[pair_count, 1] = other
                pairs[pair_count, 2] = wanted
                pairs[pair_count, 3] = intersection
                pairs[pair_count, 4] = union
                pair_count += 1
                tries += 1
                if intersection * denominator >= union * numerator:
                    keeper[document] = other
                    break
            wanted = below
        for i in range(possible):
            shares[candidates[i]] = 0
        if keeper[document] < 0:
            budget_spent[document] = tries < possible
            for i in range(bucket_offsets[document], bucket_offsets[document + 1]):
                bucket = bucket_ids[i]
                kept[kept_ends[bucket]] = document
                kept_ends[bucket] += 1
    return keeper, budget_spent, pairs[:pair_count].copy()


@kernel
def _agreeing(signature_bytes: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    for pair in range(len(a)):
        first = signature_bytes[a[pair]]
        second = signature_bytes[b[pair]]
        count = 0
        for row in range(len(first)):
            count += int(first[row] == second[row])
        out[pair] = count
