"""Flattening of graphs.

A graph is its number of nodes (and of edges), then the features of its nodes, its edges and their
features, each padded with 0 to the greatest number.
"""

from __future__ import annotations

import math
from typing import Any

from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space.space_utils.flat_counts import count_dtype, read_counts
from unienv_interface.space.space_utils.flat_layout import FlatLayout, flat_layout, layout_of
from unienv_interface.space.space_utils.flat_spaces import flat_parts
from unienv_interface.space.space_utils.flat_values import flatten_part, join_parts, unflatten_part
from unienv_interface.space.space_utils.indexing import take
from unienv_interface.space.spaces import GraphInstance, GraphSpace
from unienv_interface.space.spaces._ragged import fit_length, zero_padding
from unienv_interface.space.spaces.aliases import AnyGraph
from unienv_interface.space.spaces.bounds import Bounds, concatenate_bounds, make_bounds
from unienv_interface.space.spaces.values import cast_exact, describe

__all__: list[str] = []


@layout_of.register(GraphSpace)
def _(space: AnyGraph, start_dim: int) -> FlatLayout:
    nodes, edges = _greatest(space)
    batch = space.batch_shape
    if not 0 <= start_dim <= len(batch):
        raise SpaceError(f"start_dim: expected 0 ... {len(batch)} for {space!r}, got {start_dim}")
    node, edge = space.node_feature_space, space.edge_feature_space
    dtypes = {count_dtype(max(nodes, edges))}
    dtypes |= {features.bounds.dtype for features in (node, edge) if features is not None}
    single = 1 + nodes * _size(node)
    if space.is_edge:
        single += 1 + edges * (2 + _size(edge))
    return FlatLayout(batch[:start_dim], math.prod(batch[start_dim:]) * single, frozenset(dtypes))


def _greatest(space: AnyGraph) -> tuple[int, int]:
    """The greatest number of nodes, and of edges.

    Raises:
        SpaceError: the space sets none.
    """
    if space.max_nodes is None:
        raise SpaceError(f"flatten: max_nodes must be set, or no array is long enough, in {space!r}")
    if not space.is_edge:
        return space.max_nodes, 0
    if space.max_edges is None:
        raise SpaceError(f"flatten: max_edges must be set, or no array is long enough, in {space!r}")
    return space.max_nodes, space.max_edges


def _size(features: Any) -> int:
    """Number of elements of the features of one node or edge."""
    return 0 if features is None else math.prod(features.shape)


@flat_parts.register(GraphSpace)
def _(space: AnyGraph, start_dim: int) -> list[Bounds]:
    nodes, edges = _greatest(space)
    counts = count_dtype(max(nodes, edges))
    parts = [make_bounds(space.min_nodes, nodes, counts, (1,))]
    if space.is_edge:
        parts.append(make_bounds(space.min_edges, edges, counts, (1,)))
    parts += _feature_bounds(space.node_feature_space, nodes, space.min_nodes)
    if space.is_edge:
        parts.append(make_bounds(0, max(nodes - 1, 0), counts, (edges * 2,)))
        parts += _feature_bounds(space.edge_feature_space, edges, space.min_edges)
    layout = flat_layout(space, start_dim)
    graph = concatenate_bounds([part.within(layout.dtype) for part in parts])
    for length in reversed(space.batch_shape):
        graph = graph.batched(length)
    return [graph.reshaped(start_dim, len(graph.shape), (layout.size,))]


def _feature_bounds(features: Any, greatest: int, least: int) -> list[Bounds]:
    if features is None:
        return []
    one = features.bounds.reshaped(0, len(features.shape), (_size(features),))
    padded = make_bounds(
        one.low.clip(max=one.low.dtype.type(0)),
        one.high.clip(min=one.high.dtype.type(0)),
        one.dtype,
        one.shape,
    )
    parts = []
    for bounds, count in ((one, least), (padded, greatest - least)):
        if count:
            parts.append(bounds.batched(count).reshaped(0, 2, (count * _size(features),)))
    return parts


@flatten_part.register(GraphSpace)
def _(space: AnyGraph, data: Any, start_dim: int, dtype: str, path: str) -> Any:
    if not isinstance(data, GraphInstance):
        raise SpaceValueError(path, "GraphInstance", describe(data))
    backend, (nodes, edges) = space.backend, _greatest(space)
    head = tuple(getattr(data.n_nodes, "shape", ()))[:start_dim]
    batch = (*head, *space.batch_shape[start_dim:])  # the kept axes may be of any length
    graph = space.with_batch_shape(batch).coerce(data, path=path)

    def flat(array: Any, count: int) -> Any:
        fitted = fit_length(backend, array, len(batch), count)
        return backend.reshape(fitted, (*batch, math.prod(fitted.shape[len(batch) :])))

    parts = [backend.reshape(graph.n_nodes, (*batch, 1))]
    if space.is_edge:
        parts.append(backend.reshape(graph.n_edges, (*batch, 1)))
    if graph.nodes_features is not None:
        parts.append(flat(graph.nodes_features, nodes))
    if space.is_edge:
        parts.append(flat(graph.edges, edges))
    if graph.edges_features is not None:
        parts.append(flat(graph.edges_features, edges))
    rows = join_parts(space, [cast_exact(backend, part, dtype, path) for part in parts], dtype)
    return backend.reshape(rows, (*head, math.prod(rows.shape[start_dim:])))


@unflatten_part.register(GraphSpace)
def _(space: AnyGraph, flat: Any, start_dim: int, path: str) -> Any:
    backend, (nodes, edges) = space.backend, _greatest(space)
    batch = (*flat.shape[:-1], *space.batch_shape[start_dim:])
    single = flat_layout(space.with_batch_shape(()), 0).size
    rows = backend.reshape(flat, (*batch, single))
    integer = backend.dtype_name(backend.default_integer_dtype)
    start = 0

    def entry(size: int) -> Any:
        nonlocal start
        start += size
        return rows[..., start - size : start]

    def entries(counts: Any, greatest: int, shape: tuple[int, ...], dtype: str) -> Any:
        array = backend.reshape(entry(greatest * math.prod(shape)), (*batch, greatest, *shape))
        cut = fit_length(backend, array, len(batch), int(counts.max(initial=0)))
        return cast_exact(backend, zero_padding(backend, cut, counts), dtype, path)

    def number(least: int, greatest: int) -> tuple[Any, Any]:
        part = take(backend, entry(1), (..., 0))
        host = read_counts(backend, part, least, greatest, path)
        return cast_exact(backend, part, integer, path), host

    n_nodes, node_counts = number(space.min_nodes, nodes)
    n_edges, edge_counts = number(space.min_edges, edges) if space.is_edge else (None, None)
    node, edge = space.node_feature_space, space.edge_feature_space
    node_features = None if node is None else entries(node_counts, nodes, node.shape, node.bounds.dtype)
    pairs = entries(edge_counts, edges, (2,), integer) if space.is_edge else None
    edge_features = None if edge is None else entries(edge_counts, edges, edge.shape, edge.bounds.dtype)
    return GraphInstance(n_nodes, n_edges, node_features, edge_features, pairs)
