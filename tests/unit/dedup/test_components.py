from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.dedup.components import components
from datagov.errors import InputError


@settings(max_examples=100, deadline=None)
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
