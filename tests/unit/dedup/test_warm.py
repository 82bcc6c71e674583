from __future__ import annotations

import importlib
import pkgutil

import numpy as np
from numba.core.registry import CPUDispatcher

import datagov.dedup
from datagov.dedup.buckets import split
from datagov.dedup.components import components
from datagov.dedup.elect import elect
from datagov.dedup.jaccard import intersection_size, jaccard_counts, shingle_sets
from datagov.dedup.minhash import Scheme, band_keys, minima, signature_bytes, signatures
from datagov.dedup.shingle import shingle_hashes
from datagov.dedup.warm import warm


def compiled() -> dict[str, int]:
    """Count the versions of each kernel that are in memory."""
    modules = [
        importlib.import_module(f"datagov.dedup.{module.name}")
        for module in pkgutil.iter_modules(datagov.dedup.__path__)
    ]
    return {
        f"{value.py_func.__module__}.{name}": len(value.signatures)
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, CPUDispatcher)
    }


def frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def test_after_warming_nothing_is_compiled_whatever_kind_of_array_comes() -> None:
    warm()
    before = compiled()
    assert len(before) > 10
    scheme = Scheme(3, 4, 5)
    for kind in (np.asarray, frozen, lambda a: np.repeat(a, 2)[::2]):
        shingles, offsets = shingle_hashes(
            kind(np.arange(90, dtype=np.uint64)), kind(np.array([0, 40, 90])), k=4
        )
        signature = signatures(kind(shingles), kind(offsets), scheme)
        minima(kind(shingles), kind(offsets), scheme)
        short = signature_bytes(signature)
        band_keys(np.asfortranarray(signature), scheme, scope=kind(np.arange(2, dtype=np.uint64)))
        split(2**63, kind(np.arange(2)), np.asfortranarray(short), cap=2)
        components(2, kind(np.array([0], dtype=np.int32)), kind(np.array([1])))
        sets, bounds = shingle_sets(kind(shingles), kind(offsets))
        jaccard_counts(kind(sets), kind(bounds), kind(np.array([0])), kind(np.array([1])))
        intersection_size(kind(sets[: bounds[1]]), kind(sets[bounds[1] :]))
        ids = kind(np.array([4, 4], dtype=np.uint64))
        elect(kind(sets), kind(bounds), ids, kind(np.arange(3)), short, threshold=0.5)
    assert compiled() == before
