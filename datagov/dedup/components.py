"""Connected components of candidate edges: the units of work of an election, never its verdicts."""

from __future__ import annotations

import numpy as np

from datagov.dedup.mixing import fixed
from datagov.errors import InputError
from datagov.text.kernel import kernel

__all__ = ["components"]


def components(n: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Label every node with the smallest node of its component.

    Parameters
    ----------
    n : int
        Number of nodes, 0 to n - 1.
    a, b : int64[E]
        Ends of the edges, in any order and direction; loops and repeats allowed.

    Returns
    -------
    int64[n]
        The same for every order of the edges.

    Raises
    ------
    InputError
        When an edge names a node that does not exist.
    """
    a, b = fixed(a, np.int64), fixed(b, np.int64)
    if len(a) != len(b):
        raise InputError(f"{len(a)} first ends for {len(b)} second ends of edges")
    for ends in (a, b):
        if len(ends) and (ends.min() < 0 or ends.max() >= n):
            raise InputError(f"an edge names node {ends.min()} or {ends.max()}; nodes are 0 to {n - 1}")
    return _union_find(n, a, b)


@kernel
def _root(parent: np.ndarray, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@kernel
def _union_find(n: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # A parent is never larger than its child, so the root is the smallest node of the component.
    parent = np.arange(n)
    for edge in range(len(a)):
        root_a = _root(parent, a[edge])
        root_b = _root(parent, b[edge])
        if root_a < root_b:
            parent[root_b] = root_a
        elif root_b < root_a:
            parent[root_a] = root_b
    for node in range(n):
        parent[node] = parent[parent[node]]
    return parent
