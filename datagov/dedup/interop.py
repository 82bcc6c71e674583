"""Signatures to and from datasketch 2: the same rows, as its objects, and its rows, as our arrays.

What datasketch calls affine64 is our permutation with one more bijection in front (the mixer of
`mixing`): given its inverse as `hashfunc`, its objects take our shingle hashes and arrive at our minima,
value for value. Signatures cut to 32 bits can be compared but not updated, so they leave as
`LeanMinHash`, which datasketch does not let be updated either.

Every exported object carries a seed made from the whole scheme, above the range datasketch draws
permutations from: datasketch itself then refuses to compare it with anything made differently.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from datagov.dedup.minhash import OWN_NAME, Scheme, permutation_parameters
from datagov.dedup.mixing import unmix64
from datagov.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["datasketch_scheme", "exported_seed", "from_datasketch", "to_datasketch"]

FOREIGN = "datasketch"


def _datasketch() -> Any:
    try:
        import datasketch  # noqa: PLC0415  # an extra: only who asks for it needs it
    except ImportError:
        raise ConfigError(
            "exchanging signatures with datasketch needs datasketch 2: pip install 'datagov[interop]'"
        ) from None
    if not hasattr(datasketch.MinHash(num_perm=1), "scheme"):
        raise ConfigError(
            "datasketch before 2.0 does not say how a signature was made: pip install 'datagov[interop]'"
        )
    return datasketch


def exported_seed(scheme: Scheme) -> int:
    """Return the seed exported objects carry: 62 bits of a digest of the scheme, and bit 62 set."""
    text = json.dumps(scheme.to_dict(), sort_keys=True).encode()
    digest = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
    return (digest >> 2) | (1 << 62)


def to_datasketch(signature_NP: np.ndarray, scheme: Scheme) -> list[Any]:
    """Make one datasketch object a document.

    Parameters
    ----------
    signature_NP : uint32[N, P] or uint64[N, P]
        `minhash.signatures`, or `minhash.minima` for objects that can be updated.
    scheme : Scheme
        What they were made with.

    Returns
    -------
    list
        uint32: N `datasketch.LeanMinHash` (scheme affine32), for `jaccard`, `count` and the indexes.
        uint64: N `datasketch.MinHash` (scheme affine64) whose `update(int)` takes a shingle hash and
        agrees with ours. The two kinds do not compare with each other.

    Raises
    ------
    ConfigError
        When datasketch 2 is not installed, or the signatures were not made here.
    """
    datasketch = _datasketch()
    a, b = permutation_parameters(scheme)
    if signature_NP.ndim != 2 or signature_NP.shape[1] != scheme.permutations:
        raise ConfigError(f"signatures of shape {signature_NP.shape} do not have {scheme.permutations} rows")
    seed = exported_seed(scheme)
    if signature_NP.dtype == np.uint32:
        return [datasketch.LeanMinHash(seed=seed, hashvalues=row, scheme="affine32") for row in signature_NP]
    if signature_NP.dtype != np.uint64:
        raise ConfigError(f"signatures are uint32 or uint64, not {signature_NP.dtype}")
    both = np.array([a, b])
    return [
        datasketch.MinHash(seed=seed, hashvalues=row, permutations=both, hashfunc=unmix64, scheme="affine64")
        for row in signature_NP
    ]


def datasketch_scheme(sample: Any, *, bands: int, rows: int, k: int, tokens: str) -> Scheme:
    """Describe signatures made by datasketch, from one of them.

    Parameters
    ----------
    sample : datasketch.MinHash or LeanMinHash
        Says the permutations, their seed and number.
    bands, rows : int
        How our code shall band them; bands times rows at most the number of permutations.
    k : int
        Tokens a shingle when they were made.
    tokens : str
        Name of the token stream and hash they were made of. datasketch does not record it; signatures
        of differently cut texts must be given different names.

    Returns
    -------
    Scheme
        Named `datasketch-affine32/128`, `datasketch-legacy/128`, ...: comparable with its like only.
    """
    _datasketch()
    if sample.seed >= 1 << 62:
        raise ConfigError("this object was exported from here: its scheme is the one it was exported with")
    scheme = Scheme(bands, rows, k, int(sample.seed), tokens, f"{FOREIGN}-{sample.scheme}/{len(sample)}")
    if scheme.permutations > len(sample):
        raise ConfigError(
            f"{bands} bands of {rows} rows need {scheme.permutations} permutations; these have {len(sample)}"
        )
    return scheme


def from_datasketch(minhashes: Sequence[Any], scheme: Scheme) -> tuple[np.ndarray, np.ndarray]:
    """Read signatures out of datasketch objects, to be banded and compared here.

    Parameters
    ----------
    minhashes : sequence of datasketch.MinHash or LeanMinHash
        All made alike.
    scheme : Scheme
        `datasketch_scheme` of one of them, or the scheme they were exported with.

    Returns
    -------
    signatures : uint32[N, P]
        The first P rows; of affine64 the upper halves.
    present : bool[N]
        False for an object that was never updated: it belongs in no bucket.

    Raises
    ------
    ConfigError
        When datasketch 2 is not installed.
    InputError
        When an object was made differently from what the scheme says.
    """
    datasketch = _datasketch()
    out = np.empty((len(minhashes), scheme.permutations), dtype=np.uint32)
    present = np.empty(len(minhashes), dtype=bool)
    canonical: Any = None
    for i, minhash in enumerate(minhashes):
        _require_made_by(minhash, scheme, i)
        parameters = getattr(minhash, "permutations", None)
        if parameters is not None and scheme.name != OWN_NAME:
            # A seed says nothing where the permutations were given by hand.
            if canonical is None:
                canonical = datasketch.MinHash(
                    num_perm=len(minhash), seed=minhash.seed, scheme=minhash.scheme
                ).permutations
            if parameters is not canonical and not np.array_equal(parameters, canonical):
                raise InputError(f"signature {i} has permutations of its own, not those of its seed")
        values = np.asarray(minhash.hashvalues)[: scheme.permutations]
        out[i] = (values >> np.uint64(32) if minhash.scheme == "affine64" else values).astype(np.uint32)
        present[i] = not minhash.is_empty()
    return out, present


def _require_made_by(minhash: Any, scheme: Scheme, place: int) -> None:
    made = f"{FOREIGN}-{minhash.scheme}/{len(minhash)}"
    if scheme.name == OWN_NAME:
        if minhash.seed != exported_seed(scheme) or len(minhash) != scheme.permutations:
            raise InputError(
                f"signature {place} ({made}, seed {minhash.seed}) was not exported with {scheme}"
            )
    elif made != scheme.name or minhash.seed != scheme.seed:
        raise InputError(
            f"signature {place} is {made} with seed {minhash.seed}, not {scheme.name} with seed {scheme.seed}; "
            "signatures made differently cannot be compared"
        )
