"""Batches of graphs: every operation ends with as much padding as the largest graph needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from unienv_interface.backends.base import AnyBackend
from unienv_interface.errors import SpaceValueError
from unienv_interface.space.space_utils.indexing import put
from unienv_interface.space.spaces import GraphInstance
from unienv_interface.space.spaces._ragged import fit_length, zero_padding
from unienv_interface.space.spaces.aliases import AnyGraph
from unienv_interface.space.spaces.values import describe

__all__ = ["put_graphs", "stack_graphs", "trim_graphs"]

AnyInstance = GraphInstance[Any]


def stack_graphs(space: AnyGraph, items: Sequence[Any], axis: int) -> AnyInstance:
    """A batch of values of `space` along a new axis.

    Args:
        space: space of each item.
        items: at least one value.
        axis: where among the batch axes the new one goes.
    """
    values = [space.coerce(item) for item in items]
    axis %= len(space.batch_shape) + 1
    nodes = max(_length(value.nodes_features, value) for value in values)
    edges = max(_length(value.edges, value) for value in values)
    fitted = [_fit(space.backend, value, nodes, edges) for value in values]
    return _combine(fitted, lambda arrays: space.backend.stack(arrays, axis=axis))


def trim_graphs(backend: AnyBackend, graphs: AnyInstance) -> AnyInstance:
    """The same graphs with no more padding than the largest needs, all of it 0."""
    nodes = backend.to_numpy(graphs.n_nodes)
    features = _trim(backend, graphs.nodes_features, nodes)
    if graphs.n_edges is None:
        return GraphInstance(graphs.n_nodes, nodes_features=features)
    edges = backend.to_numpy(graphs.n_edges)
    return GraphInstance(
        graphs.n_nodes,
        graphs.n_edges,
        features,
        _trim(backend, graphs.edges_features, edges),
        _trim(backend, graphs.edges, edges),
    )


def put_graphs(space: AnyGraph, items: AnyInstance, index: Any, value: Any) -> AnyInstance:
    """A batch with some of its graphs replaced."""
    if not isinstance(value, GraphInstance):
        raise SpaceValueError("", "GraphInstance", describe(value))
    backend = space.backend
    nodes = max(_length(graphs.nodes_features, graphs) for graphs in (items, value))
    edges = max(_length(graphs.edges, graphs) for graphs in (items, value))
    pair = [_fit(backend, graphs, nodes, edges) for graphs in (items, value)]
    return trim_graphs(backend, _combine(pair, lambda both: put(backend, both[0], index, both[1])))


def _length(entries: Any, graphs: AnyInstance) -> int:
    """Length of the axis after the batch axes."""
    return 0 if entries is None else int(entries.shape[len(graphs.n_nodes.shape)])


def _fit(backend: AnyBackend, graphs: AnyInstance, nodes: int, edges: int) -> AnyInstance:
    """The graphs with their axes of nodes and edges made as long as asked."""
    axis = len(graphs.n_nodes.shape)

    def fit(array: Any, length: int) -> Any:
        return None if array is None else fit_length(backend, array, axis, length)

    return GraphInstance(
        graphs.n_nodes,
        graphs.n_edges,
        fit(graphs.nodes_features, nodes),
        fit(graphs.edges_features, edges),
        fit(graphs.edges, edges),
    )


def _trim(backend: AnyBackend, entries: Any, counts: Any) -> Any:
    if entries is None:
        return None
    cut = fit_length(backend, entries, counts.ndim, int(counts.max(initial=0)))
    return zero_padding(backend, cut, counts)


def _combine(graphs: Sequence[AnyInstance], fn: Callable[[list[Any]], Any]) -> AnyInstance:
    """A graph of whose arrays each is made from those of several graphs."""

    def combine(name: str) -> Any:
        arrays = [getattr(graph, name) for graph in graphs]
        missing = sum(array is None for array in arrays)
        if 0 < missing < len(arrays):
            raise SpaceValueError(name, "arrays in all the graphs", f"None in {missing}")
        return None if missing else fn(arrays)

    names = ("n_nodes", "n_edges", "nodes_features", "edges_features", "edges")
    return GraphInstance(**{name: combine(name) for name in names})
