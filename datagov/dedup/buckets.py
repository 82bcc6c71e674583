"""From band keys to buckets: the documents that share a key, and what to do when they are too many."""

from __future__ import annotations

import numpy as np

from datagov.dedup.mixing import GOLDEN, MASK, fixed, mix64
from datagov.errors import ConfigError, InputError
from datagov.text.kernel import kernel

__all__ = ["by_document", "group", "records", "split", "star_edges"]


def records(key_NB: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lay out band keys as (key, row) records, leaving out documents without shingles.

    Parameters
    ----------
    key_NB : uint64[N, B]
        `minhash.band_keys`.
    present : bool[N]
        `minhash.has_shingles`, and whatever else excludes a document.

    Returns
    -------
    keys : uint64[M]
        Keys of the present documents, document by document.
    rows : int64[M]
        Row of `key_NB` each key belongs to.
    """
    rows = np.flatnonzero(present).astype(np.int64)
    return key_NB[rows].reshape(-1), np.repeat(rows, key_NB.shape[1])


def group(keys: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the runs of two or more different members with the same key.

    Parameters
    ----------
    keys : uint64[M]
        Bucket keys, in any order.
    members : int64[M]
        Document of each key. A member that appears twice under one key counts once.

    Returns
    -------
    order : int64[Q]
        Indices into `keys` and `members`, sorted by key, then member.
    starts : int64[G+1]
        Bucket g is `order[starts[g]:starts[g+1]]`, at least two long.

    The buckets and their members do not depend on the order of the records.
    """
    keys = fixed(keys, np.uint64)
    members = fixed(members, np.int64)
    if len(keys) != len(members):
        raise InputError(f"{len(keys)} keys for {len(members)} members")
    # An unstable sort of the keys alone is several times faster than one by both; only the records
    # that share a key, mostly few, are sorted by member as well.
    order = np.argsort(keys).astype(int, copy=False)
    order = order[_repeated(keys[order])]
    order = order[_by_run(keys[order], members[order])]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (keys[order][1:] != keys[order][:-1]) | (members[order][1:] != members[order][:-1])
    order = order[fresh]
    order = order[_repeated(keys[order])]
    return order, _starts(keys[order])


def _by_run(sorted_keys: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return the order by key, then member, of records already in order of their keys."""
    if len(members) and members.min() >= 0 and max(len(members), members.max()) < 1 << 32:
        # Both numbers in one: sorting it is several times faster than sorting by two.
        runs = np.zeros(len(members), dtype=np.uint64)
        np.cumsum(sorted_keys[1:] != sorted_keys[:-1], out=runs[1:])
        return np.argsort((runs << np.uint64(32)) | members.astype(np.uint64))
    return np.lexsort((members, sorted_keys))


def _repeated(sorted_keys: np.ndarray) -> np.ndarray:
    """Return which of sorted values have an equal neighbour."""
    equal = sorted_keys[1:] == sorted_keys[:-1]
    repeated = np.zeros(len(sorted_keys), dtype=bool)
    repeated[1:] |= equal
    repeated[:-1] |= equal
    return repeated


def _starts(sorted_keys: np.ndarray) -> np.ndarray:
    """Return where runs of equal values begin, and the end."""
    if len(sorted_keys) == 0:
        return np.zeros(1, dtype=np.int64)
    changes = np.flatnonzero(sorted_keys[1:] != sorted_keys[:-1]) + 1
    return np.concatenate(([0], changes, [len(sorted_keys)])).astype(np.int64)


def star_edges(order: np.ndarray, starts: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return edges (a int64[E], b int64[E]) from every bucket's first member to its others."""
    sizes = np.diff(starts)
    first = np.repeat(members[order[starts[:-1]]], sizes)
    others = np.ones(len(order), dtype=bool)
    others[starts[:-1]] = False
    return first[others], members[order][others]


def by_document(bucket: np.ndarray, document: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Turn (bucket, document) memberships into the buckets of every document.

    Parameters
    ----------
    bucket : int64[M]
        Number of a bucket.
    document : int64[M]
        A member of it, 0 to `count` - 1; in `elect` its place in keep order.
    count : int
        Number of documents.

    Returns
    -------
    bucket_ids : int64[M]
        Buckets, document by document, ascending within each.
    offsets : int64[count+1]
        Document i is in buckets `bucket_ids[offsets[i]:offsets[i+1]]`.
    """
    order = np.lexsort((bucket, document))
    offsets = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(document, minlength=count), out=offsets[1:])
    return np.asarray(bucket, dtype=np.int64)[order], offsets


def split(
    key: int, members: np.ndarray, byte_MP: np.ndarray, *, cap: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split one bucket that is over the cap by further signature rows.

    Members are parted by row 0 of their one-byte signatures, parts still over the cap by row 1, and so
    on; rows of the bucket's own band part nothing. A pair of similarity J stays together with
    probability J a row. Members whose signatures agree in every row stay together however many.

    Parameters
    ----------
    key : int
        The bucket's key; keys of its parts are derived from it.
    members : int64[M]
        Its documents, all different.
    byte_MP : uint8[M, P]
        Their one-byte signatures (`minhash.signature_bytes`).
    cap : int
        Largest bucket wanted, at least 2.

    Returns
    -------
    order : int64[Q]
        Indices into `members` of the parts of two or more, by part, then member.
    starts : int64[G+1]
        Part g is `order[starts[g]:starts[g+1]]`.
    keys : uint64[G]
        Key of each part, all different.

    The parts do not depend on the order of `members`.
    """
    if cap < 2:
        raise ConfigError(f"a bucket holds at least 2 documents; cap is {cap}")
    order = np.lexsort((members,)).astype(np.int64)
    byte_MP = fixed(byte_MP, np.uint8)
    part_keys = np.full(len(order), np.uint64(int(key) & MASK))
    done_order: list[np.ndarray] = []
    done_keys: list[np.ndarray] = []
    for row in range(byte_MP.shape[1] + 1):
        by_key = np.argsort(part_keys, kind="stable")
        order, part_keys = order[by_key], part_keys[by_key]
        starts = _starts(part_keys)
        sizes = np.repeat(np.diff(starts), np.diff(starts))
        finished = (sizes <= cap) | (row == byte_MP.shape[1])
        done_order.append(order[finished & (sizes > 1)])
        done_keys.append(part_keys[finished & (sizes > 1)])
        order, part_keys = order[~finished], part_keys[~finished]
        if len(order) == 0:
            break
        part_keys = _extend(fixed(part_keys, np.uint64), fixed(byte_MP[order, row], np.uint8), row)
    order, part_keys = np.concatenate(done_order), np.concatenate(done_keys)
    order = order[np.lexsort((members[order], part_keys))]
    part_keys = np.sort(part_keys)
    starts = _starts(part_keys)
    return order, starts, part_keys[starts[:-1]]


@kernel
def _extend(keys: np.ndarray, values: np.ndarray, row: int) -> np.ndarray:
    out = np.empty(len(keys), dtype=np.uint64)
    step = np.uint64(np.uint64(row + 1) * np.uint64(GOLDEN))
    for i in range(len(keys)):
        # A part that did not split keeps its identity but not its key: the row is mixed in as well.
        out[i] = mix64(np.uint64(np.uint64(keys[i] ^ np.uint64(values[i])) + step))
    return out
