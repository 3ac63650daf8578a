"""Graphs, and batches of graphs padded to the largest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from unienv_interface.backends.base import BArrayType

__all__ = ["GraphInstance"]


@dataclass(frozen=True, eq=False)
class GraphInstance(Generic[BArrayType]):
    """A graph, or a batch of graphs of shape `B` (which is () for one graph).

    In a batch the arrays are as long as the largest graph needs. What lies beyond a graph's own
    number of nodes or edges is padding: 0 in values made here, and never looked at.

    Attributes:
        n_nodes: number of nodes of each graph, shape `(*B)`, integers.
        n_edges: number of edges of each graph, shape `(*B)`, integers; None without edges.
        nodes_features: features of the nodes, shape `(*B, max(n_nodes), *F)`; None without.
        edges_features: features of the edges, shape `(*B, max(n_edges), *G)`; None without.
        edges: the pair of nodes that each edge joins, shape `(*B, max(n_edges), 2)`, integers;
            None without edges.
    """

    n_nodes: BArrayType
    n_edges: BArrayType | None = None
    nodes_features: BArrayType | None = None
    edges_features: BArrayType | None = None
    edges: BArrayType | None = None

    def map(self, fn: Callable[[BArrayType], Any]) -> GraphInstance[Any]:
        """The graph with `fn` applied to each of its arrays."""

        def apply(array: BArrayType | None) -> Any:
            return None if array is None else fn(array)

        return GraphInstance(
            fn(self.n_nodes),
            apply(self.n_edges),
            apply(self.nodes_features),
            apply(self.edges_features),
            apply(self.edges),
        )
