"""Boxes whose shape varies: ragged rows that keep their shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from unienv_data.columns.data import ColumnData, ColumnSpec
from unienv_data.columns.fixed import ROOT, stored_dtype
from unienv_data.columns.node import AnySpace, ColumnNode, ragged_rows, register_node
from unienv_data.columns.rows import pack
from unienv_interface.space import DynamicBoxSpace
from unienv_interface.space.space_utils.batch_utils import batch_space

__all__ = ["DynamicBoxNode"]


class DynamicBoxNode(ColumnNode):
    """Arrays of differing shapes, stored without padding.

    Args:
        space: a dynamic box space.
        name: name of the column.
        path: where the arrays stand, for messages.
    """

    kind = "dynamic_box"

    def __init__(self, space: DynamicBoxSpace[Any, Any, Any, Any], name: str, path: str) -> None:
        self.space: AnySpace = space
        self.name, self.path = name or ROOT, path
        self._axes = len(space.shape_high)
        self._dtype = stored_dtype(space, path)
        self.specs = (
            ColumnSpec(
                self.name,
                self.kind,
                self._dtype,
                ragged_axes=self._axes,
                max_values=math.prod(space.shape_high),
            ),
        )

    def encode(self, value: Any, count: int) -> dict[str, ColumnData]:
        arrays = batch_space(self.space, count).coerce(value, path=self.path)
        return self._packed(arrays.tolist())

    def encode_one(self, value: Any) -> dict[str, ColumnData]:
        return self._packed([self.space.coerce(value, path=self.path)])

    def _packed(self, arrays: list[Any]) -> dict[str, ColumnData]:
        to_numpy = self.space.backend.to_numpy
        return {self.name: pack([to_numpy(array) for array in arrays], self._dtype, self._axes)}

    def decode(self, columns: Mapping[str, ColumnData], count: int) -> Any:
        rows = ragged_rows(columns, self.name)
        space = self.space
        arrays = np.empty(count, dtype=object)
        spans = zip(rows.starts.tolist(), rows.counts.tolist(), rows.shapes.tolist(), strict=True)
        for i, (start, size, shape) in enumerate(spans):
            # A copy: rows that share values must not share changes, nor keep each other's memory.
            values = rows.values[start : start + size].reshape(shape).copy()
            arrays[i] = space.backend.from_numpy(values, dtype=space.dtype, device=space.device)
        return arrays


register_node(DynamicBoxSpace, DynamicBoxNode)
