"""From shingle hashes to signatures, band keys and one-byte signatures.

A permutation is x -> a*x + b modulo 2^64 with a odd, a bijection, so that no two shingles are confused
by it. A signature row is the upper half of the smallest value a document's shingles take. Two documents
agree in a row with a probability that equals the Jaccard similarity of their shingle sets.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from datagov.dedup.minima import fill_minima, fill_signatures
from datagov.dedup.mixing import draw64, fixed, mix64, ragged
from datagov.dedup.scheme import OWN_NAME, Scheme
from datagov.errors import ConfigError
from datagov.text.kernel import kernel

__all__ = [
    "OWN_NAME",
    "Scheme",
    "agreeing_rows",
    "band_keys",
    "estimate",
    "has_shingles",
    "minima",
    "signature_bytes",
    "signatures",
]

CHANCE = 1 / 256
"""How often two one-byte rows agree although the rows they stand for do not."""


@lru_cache(maxsize=64)
def permutation_parameters(scheme: Scheme) -> tuple[np.ndarray, np.ndarray]:
    """Return (a uint64[P], b uint64[P]), a odd, of the scheme's permutations.

    Raises
    ------
    ConfigError
        When the scheme's permutations are another system's.
    """
    if scheme.name != OWN_NAME:
        raise ConfigError(
            f"signatures named {scheme.name!r} come from another system and cannot be made here; "
            f"those made here are named {OWN_NAME!r}"
        )
    a = draw64(scheme.seed, scheme.permutations, stream=0) | np.uint64(1)
    b = draw64(scheme.seed, scheme.permutations, stream=1)
    return fixed(a, np.uint64), fixed(b, np.uint64)


def has_shingles(offsets: np.ndarray) -> np.ndarray:
    """Return bool[N]: which documents have any shingle. The others are never put in a bucket."""
    present: np.ndarray = np.diff(offsets) > 0
    return present


def signatures(shingles: np.ndarray, offsets: np.ndarray, scheme: Scheme) -> np.ndarray:
    """Make the MinHash signature of every document.

    Parameters
    ----------
    shingles : uint64[S]
        Evenly spread shingle hashes (`shingle.shingle_hashes`); repeats make no difference.
    offsets : int64[N+1]
        Document i owns shingles `offsets[i]` up to `offsets[i+1]`.
    scheme : Scheme
        Seed and number of permutations.

    Returns
    -------
    uint32[N, P]
        Upper halves of the minima. The row of a document without shingles is all 0xFFFFFFFF and
        means nothing: see `has_shingles`. Two different shingles share an upper half with
        probability 2^-32, so the estimate's bias is of the order of (shingles a document) / 2^32.

    Raises
    ------
    ConfigError
        When the scheme is another system's.
    """
    a, b = permutation_parameters(scheme)
    shingles, bounds = ragged(shingles, offsets, np.uint64)
    out = np.empty((len(bounds) - 1, scheme.permutations), dtype=np.uint32)
    fill_signatures(shingles, bounds, a, b, out)
    return out


def minima(shingles: np.ndarray, offsets: np.ndarray, scheme: Scheme) -> np.ndarray:
    """Make the full 64-bit minima, uint64[N, P]; `minima >> 32` are the signatures.

    Only the exchange with other systems needs them; all ones for a document without shingles.
    """
    a, b = permutation_parameters(scheme)
    shingles, bounds = ragged(shingles, offsets, np.uint64)
    out = np.empty((len(bounds) - 1, scheme.permutations), dtype=np.uint64)
    fill_minima(shingles, bounds, a, b, out)
    return out


def band_keys(signature_NP: np.ndarray, scheme: Scheme, scope: np.ndarray | None = None) -> np.ndarray:
    """Hash every band of every signature to the key of its bucket.

    Parameters
    ----------
    signature_NP : uint32[N, P]
        Signatures of this scheme.
    scheme : Scheme
        Number of bands and rows.
    scope : uint64[N], optional
        Hash of the part of the corpus (source, dump, language) within which duplicates are looked
        for; documents of different scopes never share a key.

    Returns
    -------
    uint64[N, B]
        Keys of different bands differ also where the rows agree. The keys of a document without
        shingles mean nothing and must be left out (`has_shingles`).

    Raises
    ------
    ConfigError
        When the signatures do not have the scheme's number of rows.
    """
    if signature_NP.ndim != 2 or signature_NP.shape[1] != scheme.permutations:
        raise ConfigError(
            f"signatures of shape {signature_NP.shape} do not have the {scheme.permutations} rows of "
            f"{scheme.bands} bands of {scheme.rows}"
        )
    count = len(signature_NP)
    scopes = np.zeros(count, dtype=np.uint64) if scope is None else scope
    if len(scopes) != count:
        raise ConfigError(f"{len(scopes)} scopes for {count} signatures")
    out = np.empty((count, scheme.bands), dtype=np.uint64)
    _band_keys(fixed(signature_NP, np.uint32), scheme.rows, fixed(scopes, np.uint64), out)
    return out


@kernel
def _band_keys(signature_NP: np.ndarray, rows: int, scope: np.ndarray, out: np.ndarray) -> None:
    for document in range(out.shape[0]):
        scoped = mix64(scope[document])
        for band in range(out.shape[1]):
            key = mix64(np.uint64(scoped + np.uint64(band + 1)))
            for row in range(rows):
                key = mix64(np.uint64(key ^ np.uint64(signature_NP[document, band * rows + row])))
            out[document, band] = key


def signature_bytes(signature_NP: np.ndarray) -> np.ndarray:
    """Shorten every signature row to one byte, uint8[N, P], for estimates at little storage.

    The byte is the top one of the row times an odd constant: of a long document all minima are
    small, and their own top bytes would all be zero.

    Source: Li and König, b-Bit Minwise Hashing, WWW 2010, with b = 8.
    """
    out = np.empty(signature_NP.shape, dtype=np.uint8)
    _signature_bytes(fixed(signature_NP, np.uint32), out)
    return out


@kernel
def _signature_bytes(signature_NP: np.ndarray, out: np.ndarray) -> None:
    for document in range(out.shape[0]):
        for row in range(out.shape[1]):
            mixed = np.uint64(np.uint64(signature_NP[document, row]) * np.uint64(0x9E3779B1))
            out[document, row] = np.uint8(np.uint64(mixed >> np.uint64(24)) & np.uint64(0xFF))


def agreeing_rows(bytes_a: np.ndarray, bytes_b: np.ndarray) -> np.ndarray:
    """Count the rows in which one-byte signatures agree, pair by pair.

    Parameters
    ----------
    bytes_a, bytes_b : uint8[M, P]
        `signature_bytes` of the two documents of each pair.

    Returns
    -------
    int32[M]
        0 to P.
    """
    return np.count_nonzero(bytes_a == bytes_b, axis=-1).astype(np.int32)


def estimate(agreeing: np.ndarray, permutations: int) -> np.ndarray:
    """Estimate Jaccard from agreeing one-byte rows, corrected for the 1 in 256 that agree by chance.

    Parameters
    ----------
    agreeing : int[M]
        `agreeing_rows`.
    permutations : int
        Rows a signature, P.

    Returns
    -------
    float64[M]
        In [0, 1]. Standard error about sqrt(J (1 - J) / P): 0.038 at J = 0.8 with 112 rows.
    """
    raw = (np.asarray(agreeing, dtype=np.float64) / permutations - CHANCE) / (1 - CHANCE)
    return np.clip(raw, 0.0, 1.0)
