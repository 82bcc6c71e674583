"""From a document's token hashes to its shingle hashes.

A shingle is a window of k consecutive tokens. Its hash is a polynomial of the token hashes modulo 2^64,
rolled along the document, then mixed, so that shingle hashes are spread evenly over 64 bits. A document
with fewer than k tokens is one shingle, the whole of it; a document without tokens has none.
"""

from __future__ import annotations

import numpy as np

from datagov.dedup.mixing import fixed, mix64, ragged
from datagov.errors import ConfigError
from datagov.text.kernel import kernel

__all__ = ["shingle_hashes"]

BASE = np.uint64(0x9FB21C651E98DF25)
"""Odd multiplier of the polynomial. Changing it changes every stored signature."""


def shingle_hashes(
    token_hash: np.ndarray, token_offsets: np.ndarray, *, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Hash every window of k tokens of every document.

    Parameters
    ----------
    token_hash : uint64[T]
        Token hashes of all documents, in order of appearance.
    token_offsets : int64[N+1]
        Document i owns tokens `token_offsets[i]` up to `token_offsets[i+1]`.
    k : int
        Tokens a shingle, at least 1.

    Returns
    -------
    hash : uint64[S]
        Shingle hashes in order of appearance, repeats kept. A document of n tokens has
        `max(n - k + 1, 1)` of them, or none when n = 0.
    offsets : int64[N+1]
        Document i owns shingles `offsets[i]` up to `offsets[i+1]`.

    Raises
    ------
    ConfigError
        When k is below 1.
    """
    if k < 1:
        raise ConfigError(f"a shingle has at least 1 token; k is {k}")
    tokens, token_bounds = ragged(token_hash, token_offsets, np.uint64)
    counts = np.diff(token_bounds)
    offsets = np.zeros(len(token_bounds), dtype=np.int64)
    np.cumsum(np.where(counts == 0, 0, np.maximum(counts - k + 1, 1)), out=offsets[1:])
    hashes = np.empty(int(offsets[-1]), dtype=np.uint64)
    _roll(tokens, token_bounds, k, fixed(offsets, np.int64), hashes)
    return hashes, offsets


@kernel
def _roll(
    tokens: np.ndarray, token_offsets: np.ndarray, k: int, offsets: np.ndarray, out: np.ndarray
) -> None:
    leaving = np.uint64(1)
    for _ in range(k):
        leaving = np.uint64(leaving * BASE)
    for document in range(len(token_offsets) - 1):
        start = token_offsets[document]
        stop = token_offsets[document + 1]
        if start == stop:
            continue
        place = offsets[document]
        rolling = np.uint64(0)
        first = min(start + k, stop)
        for i in range(start, first):
            rolling = np.uint64(np.uint64(rolling * BASE) + tokens[i])
        out[place] = mix64(rolling)
        for i in range(first, stop):
            place += 1
            rolling = np.uint64(np.uint64(rolling * BASE) + tokens[i])
            rolling = np.uint64(rolling - np.uint64(tokens[i - k] * leaving))
            out[place] = mix64(rolling)
