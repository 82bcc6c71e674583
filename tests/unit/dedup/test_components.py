from __future__ import annotations

import json
import subprocess
import sys

import networkx as nx
import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.dedup.components import components
from datagov.errors import InputError


@settings(max_examples=examples(100))
@given(st.data(), st.integers(1, 40))
def test_components_are_those_of_networkx(data: st.DataObject, n: int) -> None:
    node = st.integers(0, n - 1)
    edges = data.draw(st.lists(st.tuples(node, node), max_size=60))
    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(edges)
    expected = np.empty(n, dtype=np.int64)
    for component in nx.connected_components(graph):
        expected[list(component)] = min(component)
    shuffled = data.draw(st.permutations(edges))
    for order in (edges, [(b, a) for a, b in shuffled]):
        a, b = np.array(order, dtype=np.int64).reshape(-1, 2).T
        assert components(n, a, b).tolist() == expected.tolist()


def test_a_long_chain_in_the_worst_order() -> None:
    n = 200_000
    nodes = np.arange(n - 1, 0, -1)
    assert not components(n, nodes, nodes - 1).any()


def test_no_nodes_and_unknown_nodes() -> None:
    none = np.empty(0, np.int64)
    assert components(0, none, none).tolist() == []
    assert components(3, none, none).tolist() == [0, 1, 2]
    for bad in (-1, 3):
        with pytest.raises(InputError, match="nodes are 0 to 2"):
            components(3, np.array([0]), np.array([bad]))
    with pytest.raises(InputError, match="1 first ends for 0"):
        components(3, np.array([0]), none)


MEASURED = """
import json, sys
import numpy as np
from datagov.dedup.components import components

def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

n = int(sys.argv[1])
random = np.random.default_rng(7)
a, b = random.integers(0, n, n), random.integers(0, n, n)
components(10, a[:2] % 10, b[:2] % 10)
order = random.permutation(n)
open("/proc/self/clear_refs", "w").write("5")
before = peak()
label = components(n, a, b)
grown = peak() - before
digest = hash(label.tobytes())
a, b = b[order], a[order]
print(json.dumps([grown / n, int(label.max()), hash(components(n, a, b).tobytes()) == digest]))
"""


@pytest.mark.slow
def test_ten_million_documents_take_at_most_twelve_bytes_each() -> None:
    """A process of its own, whose peak memory is the kernel's figure; edges in another order, ends swapped."""
    ended = subprocess.run(
        [sys.executable, "-c", MEASURED, "10000000"], capture_output=True, text=True, check=True
    )
    bytes_a_document, largest, same = json.loads(ended.stdout)
    assert bytes_a_document <= 12
    assert largest > 0
    assert same
