"""Graphs: numbers of nodes and edges, and ragged features and edges without padding."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns.data import ColumnData, ColumnSpec
from unienv_data.columns.fixed import stored_dtype
from unienv_data.columns.node import AnySpace, ColumnNode, join, ragged_rows, register_node
from unienv_data.columns.rows import flat_values, ragged_of
from unienv_interface.space import BoxSpace, GraphInstance, GraphSpace
from unienv_interface.space.space_utils.batch_utils import batch_space

__all__ = ["GraphNode"]

_INTEGER = np.dtype(np.int64)


class GraphNode(ColumnNode):
    """Graphs, or batches of them: what belongs to the nodes, or edges, of all graphs of a row is a row.

    Args:
        space: a graph space.
        name: name of the group; empty at the root.
        path: where the graphs stand, for messages.
    """

    kind = "graph"

    def __init__(self, space: GraphSpace[Any, Any, Any, Any], name: str, path: str) -> None:
        self.space: AnySpace = space
        self.name, self.path = name, path
        self._batch = space.batch_shape
        self._entries = math.prod(space.batch_shape)
        self._is_edge = space.is_edge
        # (attribute of GraphInstance, its numbers, space of an element)
        self._parts: list[tuple[str, str, BoxSpace[Any, Any, Any, Any] | None]] = []
        specs = [self._numbers("n_nodes")]
        if space.node_feature_space is not None:
            self._parts.append(("nodes_features", "n_nodes", space.node_feature_space))
        if space.is_edge:
            specs.append(self._numbers("n_edges"))
            self._parts.append(("edges", "n_edges", None))
            if space.edge_feature_space is not None:
                self._parts.append(("edges_features", "n_edges", space.edge_feature_space))
        specs += [self._values(part, element) for part, _, element in self._parts]
        self.specs = tuple(specs)

    def _numbers(self, part: str) -> ColumnSpec:
        return ColumnSpec(join(self.name, part), self.kind, _INTEGER, self._batch)

    def _values(self, part: str, element: BoxSpace[Any, Any, Any, Any] | None) -> ColumnSpec:
        dtype = _INTEGER if element is None else stored_dtype(element, join(self.path, part))
        axes = 1 + len(_element_shape(element))
        return ColumnSpec(join(self.name, part), self.kind, dtype, ragged_axes=axes)

    def encode(self, value: Any, count: int) -> dict[str, ColumnData]:
        return self._encoded(batch_space(self.space, count).coerce(value, path=self.path), count)

    def encode_one(self, value: Any) -> dict[str, ColumnData]:
        return self._encoded(self.space.coerce(value, path=self.path), 1)

    def _encoded(self, graphs: GraphInstance[Any], count: int) -> dict[str, ColumnData]:
        to_numpy = self.space.backend.to_numpy
        columns: dict[str, ColumnData] = {}
        numbers: dict[str, NDArray[np.int64]] = {}
        for part in ("n_nodes", "n_edges") if self._is_edge else ("n_nodes",):
            host = np.asarray(to_numpy(getattr(graphs, part))).astype(np.int64)
            numbers[part] = host.reshape(count, self._entries)
            columns[join(self.name, part)] = host.reshape(count, *self._batch)
        for part, counted, element in self._parts:
            shape = _element_shape(element)
            host = np.asarray(to_numpy(getattr(graphs, part)))
            padded = host.reshape(count, self._entries, *host.shape[host.ndim - 1 - len(shape) :])
            real = np.arange(padded.shape[2]) < numbers[counted][..., None]
            values = padded[real]  # (elements of all graphs, *shape)
            if element is None:
                values = values.astype(np.int64)
            totals = numbers[counted].sum(axis=1, dtype=np.int64)
            shapes = np.concatenate(
                [totals[:, None], np.broadcast_to(np.array(shape, dtype=np.int64), (count, len(shape)))],
                axis=1,
            )
            columns[join(self.name, part)] = ragged_of(values.reshape(-1), shapes)
        return columns

    def decode(self, columns: Mapping[str, ColumnData], count: int) -> GraphInstance[Any]:
        backend, device = self.space.backend, self.space.device
        integer = backend.default_integer_dtype
        numbers = {
            part: np.asarray(columns[join(self.name, part)]).reshape(count, self._entries)
            for part in (("n_nodes", "n_edges") if self._is_edge else ("n_nodes",))
        }
        found: dict[str, Any] = {
            part: backend.from_numpy(host.reshape(count, *self._batch), dtype=integer, device=device)
            for part, host in numbers.items()
        }
        for part, counted, element in self._parts:
            rows = ragged_rows(columns, join(self.name, part))
            shape = _element_shape(element)
            longest = int(numbers[counted].max(initial=0))
            padded = np.zeros((count, self._entries, longest, *shape), dtype=rows.values.dtype)
            real = np.arange(longest) < numbers[counted][..., None]
            padded[real] = flat_values(rows).reshape(-1, *shape)
            dtype = integer if element is None else element.dtype
            host = padded.reshape(count, *self._batch, longest, *shape)
            found[part] = backend.from_numpy(host, dtype=dtype, device=device)
        return GraphInstance(**found)


def _element_shape(element: BoxSpace[Any, Any, Any, Any] | None) -> tuple[int, ...]:
    """Shape of what belongs to one node or edge; an edge is a pair."""
    return (2,) if element is None else element.shape


register_node(GraphSpace, GraphNode)
