"""Which stretches of text stand elsewhere too, character by character: windows of excerpts, compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.text.hashing import finish
from datagov.text.kernel import kernel

__all__ = ["Excerpts", "Shared", "shared"]

BASE: Final = np.uint64(0xA0761D6478BD642F)
PLACE: Final = np.uint64(0xE7037ED1A0B428DB)
ONE: Final = np.uint64(1)


@dataclass(frozen=True, eq=False)
class Excerpts:
    """N excerpts of documents, in the order in which the first of equal windows stays."""

    points: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]
    """int64[N+1]: excerpt i is `points[offsets[i]:offsets[i+1]]`, one window long at least."""
    document: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    """Where in its document each begins."""
    place: npt.NDArray[np.int64]
    """Where in the excerpt its anchor begins: only windows at the same distance from it are compared."""
    key: npt.NDArray[np.uint64]
    """Only windows of excerpts with the same key are compared."""


@dataclass(frozen=True, eq=False)
class Shared:
    """S stretches that go, in the order of the excerpts: int64 each."""

    document: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    keeper: npt.NDArray[np.int64]
    """The document in which the copy stands that stays; -1 where none does."""
    keeper_start: npt.NDArray[np.int64]
    copies: npt.NDArray[np.int64]
    """How often the window of the stretch stands there that does so most."""


@kernel
def _window_keys(
    points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    place: npt.NDArray[np.int64],
    key: npt.NDArray[np.uint64],
    length: int,
    excerpt: npt.NDArray[np.int64],
    keys: npt.NDArray[np.uint64],
) -> None:
    """Fill, for each window of each excerpt, whose it is and a hash of what is compared."""
    lead = np.uint64(1)
    for _ in range(length - 1):
        lead *= BASE
    window = 0
    for each in range(offsets.shape[0] - 1):
        state = np.uint64(0)
        for at in range(offsets[each], offsets[each + 1]):
            inside = at - offsets[each]
            if inside >= length:
                state -= (np.uint64(points[at - length]) + ONE) * lead
            state = state * BASE + np.uint64(points[at]) + ONE
            if inside >= length - 1:
                distance = np.uint64(place[each] - (inside - length + 1))
                excerpt[window] = each
                keys[window] = finish(finish(state) ^ key[each] ^ (distance * PLACE))
                window += 1


@kernel
def _stretches(
    points: npt.NDArray[np.uint32],
    offsets: npt.NDArray[np.int64],
    firsts: npt.NDArray[np.int64],
    length: int,
    excerpt: npt.NDArray[np.int64],
    goes: npt.NDArray[np.bool_],
    keeper: npt.NDArray[np.int64],
    copies: npt.NDArray[np.int64],
    found: npt.NDArray[np.int64],
) -> int:
    """Join windows that go one after the other for windows of one excerpt; leave out those whose text differs.

    `firsts` (int64[N]) is the first window of each excerpt. Fills `found` (int64[W, 5]: excerpt, from and to where in
    it, window of the keeper or -1, copies) and returns how many there are.
    """
    count = 0
    total = excerpt.shape[0]
    window = 0
    while window < total:
        if not goes[window]:
            window += 1
            continue
        last = window
        most = copies[window]
        mine = excerpt[window]
        kept = keeper[window]
        while last + 1 < total and goes[last + 1] and excerpt[last + 1] == mine:
            follows = keeper[last + 1]
            if kept >= 0 and (follows != keeper[last] + 1 or excerpt[follows] != excerpt[kept]):
                break
            last += 1
            most = max(most, copies[last])
        begin = window - firsts[mine]
        end = last - firsts[mine] + length
        same = True
        if kept >= 0:
            here = offsets[mine] + begin
            there = offsets[excerpt[kept]] + kept - firsts[excerpt[kept]]
            for at in range(end - begin):
                same = same and points[here + at] == points[there + at]
        if same:
            found[count, 0] = mine
            found[count, 1] = begin
            found[count, 2] = end
            found[count, 3] = kept
            found[count, 4] = most
            count += 1
        window = last + 1
    return count


def shared(
    excerpts: Excerpts,
    bucket: npt.NDArray[np.int64] | None = None,
    *,
    length: int,
    min_count: int = 2,
    keep_first: bool = True,
) -> Shared:
    """Tell which stretches go, because each window of them stands there `min_count` times or more.

    A window goes if the first of its copies stands in another document, or before it without touching it; with
    `keep_first` False all copies go. Every stretch that goes is compared with what stays, character by character.

    Parameters
    ----------
    excerpts : Excerpts
    bucket : int64[N] or None
        Excerpts of different buckets are never compared.
    length : int
        Characters of a window.
    min_count : int
    keep_first : bool
    """
    sizes = np.diff(excerpts.offsets) - length + 1
    firsts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    total = int(firsts[-1])
    excerpt, keys = np.empty(total, np.int64), np.empty(total, np.uint64)
    compared = excerpts.key
    if bucket is not None:
        compared = compared ^ (bucket.astype(np.uint64) * PLACE)
    _window_keys(excerpts.points, excerpts.offsets, excerpts.place, compared, length, excerpt, keys)
    order = np.argsort(keys, kind="stable")
    fresh = np.ones(total, bool)
    fresh[1:] = keys[order[1:]] != keys[order[:-1]]
    starts = np.flatnonzero(fresh)
    counts = np.diff(np.append(starts, total))
    first, copies = np.empty(total, np.int64), np.empty(total, np.int64)
    first[order] = np.repeat(order[starts], counts)
    copies[order] = np.repeat(counts, counts)
    document = excerpts.document[excerpt]
    position = excerpts.start[excerpt] + np.arange(total) - firsts[excerpt]
    goes = copies >= min_count
    if keep_first:
        goes &= (document != document[first]) | (position >= position[first] + length)
    keeper = first if keep_first else np.full(total, -1, np.int64)
    found = np.empty((int(np.count_nonzero(goes)), 5), np.int64)
    count = _stretches(
        excerpts.points, excerpts.offsets, firsts[:-1], length, excerpt, goes, keeper, copies, found
    )
    mine, begin, end, kept, most = np.ascontiguousarray(found[:count].T)
    stays = kept >= 0
    return Shared(
        excerpts.document[mine],
        excerpts.start[mine] + begin,
        excerpts.start[mine] + end,
        np.where(stays, document[kept], -1) if total else kept,
        np.where(stays, position[kept], -1) if total else kept,
        most,
    )
