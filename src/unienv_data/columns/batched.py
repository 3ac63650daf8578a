"""Batches of a space within a row: the space's columns, with an entry an element of the batch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unienv_data.columns.data import ColumnData, ColumnSpec, Ragged, plain_rows
from unienv_data.columns.node import AnySpace, ColumnNode, columns_of, ragged_rows, register_node
from unienv_data.columns.rows import flat_values, ragged_of
from unienv_interface.space import BatchedSpace
from unienv_interface.space.space_utils.batch_utils import batch_space, concatenate, get_at

__all__ = ["BatchedNode"]

SHAPES = "/shapes"
"""Of a ragged column with several entries a row: the shape of each entry; the row has all their values."""


class BatchedNode(ColumnNode):
    """Object arrays of one shape, whose elements are values of one space.

    Args:
        space: a batched space.
        name: name of the column or group; empty at the root.
        path: where the arrays stand, for messages.
    """

    kind = "batched"

    def __init__(self, space: BatchedSpace[Any, Any, Any], name: str, path: str) -> None:
        self.space: AnySpace = space
        self.name, self.path = name, path
        self._single = columns_of(space.single_space, name, path)
        self._shape = space.batch_shape
        self._entries = math.prod(space.batch_shape)
        self._shapes = _shapes_names(self._single.specs)
        specs: list[ColumnSpec] = []
        for spec in self._single.specs:
            if spec.ragged_axes is None:
                specs.append(ColumnSpec(spec.name, spec.kind, spec.dtype, (*self._shape, *spec.shape)))
            else:
                shapes = (self._entries, spec.ragged_axes)
                specs.append(ColumnSpec(spec.name, spec.kind, spec.dtype, ragged_axes=1))
                specs.append(ColumnSpec(self._shapes[spec.name], spec.kind, np.dtype(np.int64), shapes))
        self.specs = tuple(specs)

    def encode(self, value: Any, count: int) -> dict[str, ColumnData]:
        return self._encoded(batch_space(self.space, count).coerce(value, path=self.path), count)

    def encode_one(self, value: Any) -> dict[str, ColumnData]:
        return self._encoded(self.space.coerce(value, path=self.path)[None], 1)

    def _encoded(self, elements: Any, count: int) -> dict[str, ColumnData]:
        entries = self._single.encode(
            concatenate(self._single.space, list(elements.flat)), count * self._entries
        )
        columns: dict[str, ColumnData] = {}
        for name, data in entries.items():
            if isinstance(data, Ragged):
                totals = data.counts.reshape(count, self._entries).sum(axis=1, dtype=np.int64)
                columns[name] = ragged_of(flat_values(data), totals[:, None])
                columns[self._shapes[name]] = data.shapes.reshape(count, self._entries, data.shapes.shape[1])
            else:
                columns[name] = plain_rows(data).reshape(count, *self._shape, *data.shape[1:])
        return columns

    def decode(self, columns: Mapping[str, ColumnData], count: int) -> Any:
        total = count * self._entries
        entries: dict[str, ColumnData] = {}
        for spec in self._single.specs:
            if spec.ragged_axes is None:
                entries[spec.name] = np.asarray(columns[spec.name]).reshape(total, *spec.shape)
            else:
                shapes = np.asarray(columns[self._shapes[spec.name]]).reshape(total, spec.ragged_axes)
                entries[spec.name] = ragged_of(flat_values(ragged_rows(columns, spec.name)), shapes)
        values = self._single.decode(entries, total)
        batched = batch_space(self._single.space, total)
        elements = np.empty(total, dtype=object)
        for i in range(total):
            elements[i] = get_at(batched, values, i)
        return elements.reshape(count, *self._shape)


def _shapes_names(specs: Sequence[ColumnSpec]) -> dict[str, str]:
    """Names of the columns of shapes, by ragged column: of batches in batches each has its own."""
    taken = {spec.name for spec in specs}
    names: dict[str, str] = {}
    for spec in specs:
        if spec.ragged_axes is not None:
            names[spec.name] = spec.name + SHAPES
            while names[spec.name] in taken:
                names[spec.name] += "-of-these"
    return names


register_node(BatchedSpace, BatchedNode)
