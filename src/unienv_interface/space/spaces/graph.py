"""Graphs with features on their nodes and edges."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.base import (
    AnyBackend,
    BArrayType,
    BDeviceType,
    BDtypeType,
    BRNGType,
    ComputeBackend,
)
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space.space import (
    BoundedManner,
    Space,
    check_backend,
    convert_array,
    join_path,
    validate_count,
    validate_shape,
)
from unienv_interface.space.spaces._ragged import coerce_counts, coerce_ragged, zero_padding
from unienv_interface.space.spaces._sampling import sample_within
from unienv_interface.space.spaces.bounds import Bounds, make_bounds
from unienv_interface.space.spaces.box import BoxSpace
from unienv_interface.space.spaces.graph_instance import GraphInstance
from unienv_interface.space.spaces.values import at, cast_exact, describe

__all__ = ["GraphInstance", "GraphSpace"]


class GraphSpace(
    Space[GraphInstance[BArrayType], BDeviceType, BDtypeType, BRNGType],
    Generic[BArrayType, BDeviceType, BDtypeType, BRNGType],
):
    """Graphs whose nodes and edges have features within boxes, and batches of them.

    Edges are pairs of node positions, directed; loops and repetitions are allowed. A graph without
    edges may leave `edges` and what belongs to it out.

    Args:
        backend: what the arrays are made by.
        node_feature_space: box of the features of one node; None for nodes without.
        edge_feature_space: box of the features of one edge; None for edges without.
        is_edge: whether there are edges.
        min_nodes: least number of nodes.
        max_nodes: greatest number of nodes; None for any.
        min_edges: least number of edges.
        max_edges: greatest number of edges; None for any.
        batch_shape: shape of the batches.
        device: where arrays are made.

    Attributes:
        batch_shape: as given.
        is_edge: as given.
        node_feature_space: as given, moved to `device`.
        edge_feature_space: as given, moved to `device`.
        min_nodes: as given.
        max_nodes: as given.
        min_edges: as given.
        max_edges: as given.

    Raises:
        SpaceError: a number is no integer, negative, or a least above its greatest; a feature space
            is no box of the backend; there are features of edges but no edges.
    """

    backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType]
    dtype: None

    def __init__(
        self,
        backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType],
        node_feature_space: BoxSpace[BArrayType, BDeviceType, BDtypeType, BRNGType] | None,
        edge_feature_space: BoxSpace[BArrayType, BDeviceType, BDtypeType, BRNGType] | None = None,
        is_edge: bool = False,
        min_nodes: int = 1,
        max_nodes: int | None = None,
        min_edges: int = 1,
        max_edges: int | None = None,
        batch_shape: Sequence[int] = (),
        device: BDeviceType | None = None,
    ) -> None:
        check_backend(backend)
        features: dict[str, Any] = {
            "node_feature_space": node_feature_space,
            "edge_feature_space": edge_feature_space,
        }
        for name, space in features.items():
            if space is not None and not (isinstance(space, BoxSpace) and space.backend is backend):
                raise SpaceError(f"{name}: expected a BoxSpace of {backend} or None, got {space!r}")
        if edge_feature_space is not None and not is_edge:
            raise SpaceError("edge_feature_space: expected None where is_edge is False")
        self.is_edge = bool(is_edge)
        self.min_nodes, self.max_nodes = _range("nodes", min_nodes, max_nodes)
        self.min_edges, self.max_edges = _range("edges", min_edges, max_edges)
        if self.is_edge and self.min_edges > 0 and self.max_nodes == 0:
            raise SpaceError("min_edges: expected 0 where there are no nodes to join")
        self.batch_shape = validate_shape(batch_shape, "batch_shape")
        spaces = [space for space in features.values() if space is not None]
        shared = device if device is not None or not spaces else self.abbr_device(spaces)
        self.node_feature_space = node_feature_space and node_feature_space.to(device=shared)
        self.edge_feature_space = edge_feature_space and edge_feature_space.to(device=shared)
        super().__init__(backend, None, shared)

    def _arguments(self) -> dict[str, Any]:
        return {
            "backend": self.backend,
            "node_feature_space": self.node_feature_space,
            "edge_feature_space": self.edge_feature_space,
            "is_edge": self.is_edge,
            "min_nodes": self.min_nodes,
            "max_nodes": self.max_nodes,
            "min_edges": self.min_edges,
            "max_edges": self.max_edges,
            "batch_shape": self.batch_shape,
            "device": self._device,
        }

    def _identity(self) -> Hashable:
        arguments = self._arguments()
        return tuple(value for name, value in arguments.items() if name not in ("backend", "device"))

    def with_batch_shape(
        self, batch_shape: Sequence[int]
    ) -> GraphSpace[BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """The space of other batches of the same graphs."""
        return self._replace(batch_shape=batch_shape)

    def to(
        self, backend: AnyBackend | None = None, device: Any | None = None
    ) -> GraphSpace[Any, Any, Any, Any]:
        destination = self._destination(backend, device)
        if destination is None:
            return self
        target, device = destination
        node, edge = self.node_feature_space, self.edge_feature_space
        return self._replace(
            backend=target,
            device=device,
            node_feature_space=node and node.to(target, device),
            edge_feature_space=edge and edge.to(target, device),
        )

    # -- values --------------------------------------------------------------------------------

    def coerce(self, x: Any, *, path: str = "") -> GraphInstance[BArrayType]:
        if not isinstance(x, GraphInstance):
            raise SpaceValueError(path, "GraphInstance", describe(x))
        backend, batch = self.backend, self.batch_shape
        nodes_path, edges_path = join_path(path, "n_nodes"), join_path(path, "n_edges")
        n_nodes, nodes = coerce_counts(backend, x.n_nodes, batch, self.min_nodes, self.max_nodes, nodes_path)
        features = self._features(
            self.node_feature_space, x.nodes_features, nodes, join_path(path, "nodes_features")
        )
        if not self.is_edge:
            for name in ("n_edges", "edges", "edges_features"):
                if getattr(x, name) is not None:
                    raise SpaceValueError(join_path(path, name), "None", describe(getattr(x, name)))
            return _same_or_new(x, GraphInstance(n_nodes, nodes_features=features))
        if x.n_edges is None and x.edges is None and x.edges_features is None:
            x = self._without_edges(x)
        n_edges, edges = coerce_counts(backend, x.n_edges, batch, self.min_edges, self.max_edges, edges_path)
        pairs_path = join_path(path, "edges")
        pairs = coerce_ragged(backend, x.edges, edges, self._pair_bounds(), pairs_path)
        self._check_pairs(backend.to_numpy(pairs), nodes, edges, pairs_path)
        edge_features = self._features(
            self.edge_feature_space, x.edges_features, edges, join_path(path, "edges_features")
        )
        return _same_or_new(x, GraphInstance(n_nodes, n_edges, features, edge_features, pairs))

    def _features(self, space: Any, x: Any, counts: NDArray[Any], path: str) -> Any:
        if space is None:
            if x is not None:
                raise SpaceValueError(path, "None", describe(x))
            return None
        return coerce_ragged(self.backend, x, counts, space.bounds, path)

    def _pair_bounds(self) -> Bounds:
        integer = self.backend.dtype_name(self.backend.default_integer_dtype)
        return make_bounds(0, np.inf, integer, (2,))

    def _check_pairs(self, pairs: NDArray[Any], nodes: NDArray[Any], edges: NDArray[Any], path: str) -> None:
        # Padding is 0, which stands for no node here and would be wrong in a graph without any.
        wrong = (pairs >= nodes[..., None, None]) & (np.arange(pairs.shape[-2]) < edges[..., None])[..., None]
        if bool(wrong.any()):
            where = tuple(int(position) for position in np.argwhere(wrong)[0])
            limit = nodes[where[:-2]]
            raise SpaceValueError(path, f"positions below {limit} nodes", f"{pairs[where]}{at(where)}")

    def _without_edges(self, x: GraphInstance[BArrayType]) -> GraphInstance[BArrayType]:
        backend, edge = self.backend, self.edge_feature_space
        integer = backend.default_integer_dtype
        return GraphInstance(
            x.n_nodes,
            backend.zeros(self.batch_shape, dtype=integer, device=self._device),
            x.nodes_features,
            None if edge is None else backend.zeros((*self.batch_shape, 0, *edge.shape), dtype=edge.dtype),
            backend.zeros((*self.batch_shape, 0, 2), dtype=integer, device=self._device),
        )

    def sample(self, rng: BRNGType, **kwargs: Any) -> tuple[BRNGType, GraphInstance[BArrayType]]:
        """Draw a batch of graphs.

        Numbers of nodes and edges are uniform in their range, or their least plus an exponential
        with mean 1 where they have no greatest; edges join uniformly drawn nodes; features are drawn
        as boxes do.
        """
        rng, host = self.backend.random.host_generator(rng)
        least = max(self.min_nodes, 1) if self.is_edge and self.min_edges else self.min_nodes
        nodes = _draw_counts(host, least, self.max_nodes, self.batch_shape)
        rng, features = self._sample_features(self.node_feature_space, nodes, rng)
        if not self.is_edge:
            return rng, GraphInstance(self._integers(nodes), nodes_features=features)
        edges = _draw_counts(host, self.min_edges, self.max_edges, self.batch_shape)
        edges = np.where(nodes == 0, 0, edges)
        ends = np.maximum(nodes, 1)[..., None, None]
        pairs = host.integers(0, ends, size=(*self.batch_shape, int(edges.max(initial=0)), 2))
        rng, edge_features = self._sample_features(self.edge_feature_space, edges, rng)
        return rng, GraphInstance(
            self._integers(nodes),
            self._integers(edges),
            features,
            edge_features,
            zero_padding(self.backend, self._integers(pairs), edges),
        )

    def _integers(self, host: NDArray[Any]) -> Any:
        integer = self.backend.default_integer_dtype
        return self.backend.from_numpy(np.asarray(host), dtype=integer, device=self._device)

    def _sample_features(self, space: Any, counts: NDArray[Any], rng: BRNGType) -> tuple[BRNGType, Any]:
        if space is None:
            return rng, None
        shape = (*self.batch_shape, int(counts.max(initial=0)), *space.shape)
        rng, drawn = sample_within(self.backend, space.bounds, shape, rng, self._device)
        return rng, zero_padding(self.backend, drawn, counts)

    def create_empty(self) -> GraphInstance[BArrayType]:
        """Graphs of the least size, their features not initialized and their edges from 0 to 0."""
        backend, batch, integer = self.backend, self.batch_shape, self.backend.default_integer_dtype
        n_nodes = max(self.min_nodes, 1) if self.is_edge and self.min_edges else self.min_nodes
        # A batch of no graphs has no largest one.
        node_slots, edge_slots = (0, 0) if 0 in batch else (n_nodes, self.min_edges)

        def features(space: Any, count: int) -> Any:
            if space is None:
                return None
            return backend.empty((*batch, count, *space.shape), dtype=space.dtype, device=self._device)

        def counts(value: int) -> Any:
            return backend.full(batch, value, dtype=integer, device=self._device)

        node_features = features(self.node_feature_space, node_slots)
        if not self.is_edge:
            return GraphInstance(counts(n_nodes), nodes_features=node_features)
        return GraphInstance(
            counts(n_nodes),
            counts(self.min_edges),
            node_features,
            features(self.edge_feature_space, edge_slots),
            backend.zeros((*batch, edge_slots, 2), dtype=integer, device=self._device),
        )

    def is_bounded(self, manner: BoundedManner = "both") -> bool:
        """Whether all features are."""
        spaces = (self.node_feature_space, self.edge_feature_space)
        return all(space is None or space.is_bounded(manner) for space in spaces)

    def data_to(
        self,
        data: GraphInstance[BArrayType],
        backend: AnyBackend | None = None,
        device: Any | None = None,
    ) -> GraphInstance[Any]:
        target = self.backend if backend is None else backend
        integer = target.dtype_name(target.default_integer_dtype)

        def move(array: Any) -> Any:
            return None if array is None else convert_array(self.backend, array, backend, device)

        def move_integers(array: Any) -> Any:
            return None if array is None else move(cast_exact(self.backend, array, integer, ""))

        return GraphInstance(
            move_integers(data.n_nodes),
            move_integers(data.n_edges),
            move(data.nodes_features),
            move(data.edges_features),
            move_integers(data.edges),
        )

    def get_repr(
        self,
        abbreviate: bool = False,
        include_backend: bool = True,
        include_device: bool = True,
        include_dtype: bool = True,
    ) -> str:
        def shown(space: Any) -> str:
            return "None" if space is None else space.get_repr(abbreviate, False, False, include_dtype)

        parts = [f"nodes={self.min_nodes}..{self.max_nodes} of {shown(self.node_feature_space)}"]
        if self.is_edge:
            parts.append(f"edges={self.min_edges}..{self.max_edges} of {shown(self.edge_feature_space)}")
        if self.batch_shape or not abbreviate:
            parts.append(f"batch_shape={self.batch_shape}")
        if abbreviate:
            return f"G({', '.join(parts)})"
        return self._format(parts, include_backend, include_device, include_dtype)


def _range(name: str, least: int, greatest: int | None) -> tuple[int, int | None]:
    least = validate_count(least, f"min_{name}")
    if greatest is None:
        return least, None
    greatest = validate_count(greatest, f"max_{name}")
    if least > greatest:
        raise SpaceError(f"min_{name}: expected at most max_{name} {greatest}, got {least}")
    return least, greatest


def _draw_counts(
    host: np.random.Generator, least: int, greatest: int | None, shape: tuple[int, ...]
) -> NDArray[Any]:
    if greatest is None:
        return np.asarray(least + np.floor(host.standard_exponential(shape))).astype(np.int64)
    return np.asarray(host.integers(least, greatest, size=shape, endpoint=True))


def _same_or_new(x: GraphInstance[Any], new: GraphInstance[Any]) -> GraphInstance[Any]:
    names = ("n_nodes", "n_edges", "nodes_features", "edges_features", "edges")
    return x if all(getattr(x, name) is getattr(new, name) for name in names) else new
