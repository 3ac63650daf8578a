"""Items of a space: each of its columns is a leaf."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from unienv_data.base.paths import Path
from unienv_data.columns import ColumnData, ColumnInfo, ColumnSpec, Ragged, columns_of
from unienv_data.columns.data import plain_rows
from unienv_data.errors import CorruptDataError
from unienv_data.indexing import RowIndex
from unienv_data.storages.compressed_list.compression import Compression
from unienv_data.storages.compressed_list.form import Form, Item
from unienv_data.storages.compressed_list.leaves import Bytes, Leaf, Row, Rows
from unienv_data.storages.compressed_list.packing import Packing
from unienv_interface.space import Space
from unienv_interface.space.space_utils import batch_utils

__all__ = ["SpaceForm"]


class SpaceForm(Form):
    """Items that fit a space, which is checked when they are written.

    Args:
        space: of one item.
        compression: of the leaves.
    """

    def __init__(self, space: Space[Any, Any, Any, Any], compression: Compression) -> None:
        self._space = space
        self._node = columns_of(space)
        self._specs = {spec.name: (number, spec) for number, spec in enumerate(self._node.specs)}
        library = space.backend.simplified_name
        self._packing = Packing([_leaf(spec, library) for spec in self._node.specs], compression)

    @property
    def layouts(self) -> list[Any]:
        return []

    def adopt(self, layouts: Sequence[Any]) -> None:
        if layouts:
            raise CorruptDataError("items of a space have no layouts of their own")

    def describe(self, items: Sequence[Item], codec: str) -> tuple[ColumnInfo, ...]:
        """What each column is, and how large it is in these items."""
        sizes = self._packing.sizes(item for item in items if item is not None)
        return tuple(
            ColumnInfo(
                name=spec.name,
                kind=spec.kind,
                dtype=spec.dtype.name,
                shape=spec.shape,
                chunk_rows=1,
                shard_rows=1,
                codec=codec,
                lossy=False,
                raw_bytes=raw,
                stored_bytes=kept,
            )
            for spec, (raw, kept) in zip(self._node.specs, sizes, strict=True)
        )

    def encode_one(self, value: Any) -> bytes:
        return self._packed(self._node.encode_one(value), 1)[0]

    def encode(self, value: Any, count: int) -> list[bytes]:
        return self._packed(self._node.encode(value, count), count)

    def _packed(self, columns: dict[str, ColumnData], count: int) -> list[bytes]:
        rows = [_rows(columns[spec.name], spec, count) for spec in self._node.specs]
        return self._packing.pack(rows, count)

    def decode_one(self, item: Item, slot: int) -> Any:
        (batch,) = self.decode([item], range(slot, slot + 1), [()])
        return batch_utils.get_at(self._batched_space, batch, 0)

    def decode(self, items: Sequence[Item], slots: RowIndex, paths: Sequence[Path]) -> tuple[Any, ...]:
        nodes = [self._node.below(path) for path in paths]
        wanted = {spec.name: self._specs[spec.name] for node in nodes for spec in node.specs}
        rows = self._packing.unpack(items, [number for number, _ in wanted.values()], _listed(slots))
        columns = {name: _column(rows[number], spec, len(items)) for name, (number, spec) in wanted.items()}
        return tuple(node.decode(columns, len(items)) for node in nodes)

    @cached_property
    def _batched_space(self) -> Space[Any, Any, Any, Any]:
        return batch_utils.batch_space(self._space, 1)


def _listed(slots: RowIndex) -> Sequence[int]:
    if isinstance(slots, range):
        return slots
    listed: list[int] = slots.tolist()
    return listed


def _leaf(spec: ColumnSpec, library: str) -> Leaf:
    shape = spec.shape if spec.ragged_axes is None else None
    dtype = spec.dtype.name if library == "pytorch" else spec.dtype.str
    return Leaf(spec.name, library, dtype, spec.dtype.itemsize, shape, spec.ragged_axes or 0)


def _rows(column: ColumnData, spec: ColumnSpec, count: int) -> Rows:
    """The rows of a column as bytes."""
    if not isinstance(column, Ragged):
        plain = plain_rows(column)
        return _flat(plain).reshape(count, -1) if plain.size else np.empty((count, 0), np.uint8)
    values, size = _flat(column.values), spec.dtype.itemsize
    rows: list[Row] = []
    ends = column.starts + column.counts
    for start, stop, shape in zip(column.starts.tolist(), ends.tolist(), column.shapes.tolist(), strict=True):
        rows.append((tuple(shape), values[start * size : stop * size]))
    return rows


def _flat(array: Any) -> Bytes:
    flat: Bytes = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return flat


def _column(rows: Rows, spec: ColumnSpec, count: int) -> ColumnData:
    """The rows of a column, from bytes."""
    if not isinstance(rows, list):
        if not rows.size:
            return np.empty((count, *spec.shape), spec.dtype)
        fixed: ColumnData = rows.view(spec.dtype).reshape(count, *spec.shape)
        return fixed
    shapes = np.array([shape for shape, _ in rows], dtype=np.int64).reshape(count, spec.ragged_axes or 0)
    parts = [data for _, data in rows]
    values = np.concatenate(parts) if parts else np.empty(0, np.uint8)
    counts = shapes.prod(axis=1, dtype=np.int64)
    return Ragged(values.view(spec.dtype), np.cumsum(counts) - counts, shapes)
