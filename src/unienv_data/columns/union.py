"""Unions: a tag a row, and the columns of every branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unienv_data.columns.data import ColumnData, ColumnSpec, Ragged
from unienv_data.columns.node import AnySpace, ColumnNode, columns_of, join, register_node
from unienv_data.columns.rows import spread, take
from unienv_interface.space import UnionSpace
from unienv_interface.space.space_utils.batch_utils import batch_space, concatenate, get_at

__all__ = ["UnionNode"]


class UnionNode(ColumnNode):
    """Pairs of a position and a value; in the columns of the other branches such a row is empty.

    Args:
        space: a union space.
        name: name of the group; empty at the root.
        path: where the pairs stand, for messages.
    """

    kind = "union"

    def __init__(self, space: UnionSpace[Any, Any, Any], name: str, path: str) -> None:
        self.space: AnySpace = space
        self.name, self.path = name, path
        self._tag = join(name, "tag")
        self._branches = [
            columns_of(branch, join(name, str(i)), join(path, str(i)))
            for i, branch in enumerate(space.spaces)
        ]
        tag = ColumnSpec(self._tag, self.kind, np.dtype(np.int32))
        self.specs = (tag, *(spec for branch in self._branches for spec in branch.specs))

    def encode(self, value: Any, count: int) -> dict[str, ColumnData]:
        return self._encoded(batch_space(self.space, count).coerce(value, path=self.path).tolist())

    def encode_one(self, value: Any) -> dict[str, ColumnData]:
        return self._encoded([self.space.coerce(value, path=self.path)])

    def _encoded(self, pairs: list[tuple[int, Any]]) -> dict[str, ColumnData]:
        tags = np.array([tag for tag, _ in pairs], dtype=np.int32)
        columns: dict[str, ColumnData] = {self._tag: tags}
        for i, branch in enumerate(self._branches):
            places = np.flatnonzero(tags == i)
            if not len(places):
                columns |= {spec.name: _empty_rows(spec, len(pairs)) for spec in branch.specs}
                continue
            values = concatenate(branch.space, [pairs[place][1] for place in places.tolist()])
            encoded = branch.encode(values, len(places))
            columns |= {name: spread(data, places, len(pairs)) for name, data in encoded.items()}
        return columns

    def decode(self, columns: Mapping[str, ColumnData], count: int) -> Any:
        tags = np.asarray(columns[self._tag])
        pairs = np.empty(count, dtype=object)
        for i, branch in enumerate(self._branches):
            places = np.flatnonzero(tags == i)
            if not len(places):
                continue
            own = {spec.name: take(columns[spec.name], places) for spec in branch.specs}
            values = branch.decode(own, len(places))
            batched = batch_space(branch.space, len(places))
            for position, place in enumerate(places.tolist()):
                pairs[place] = (i, get_at(batched, values, position))
        return pairs

    def child(self, key: Any) -> ColumnNode:
        if isinstance(key, int) and 0 <= key < len(self._branches):
            return self._branches[key]
        return super().child(key)


def _empty_rows(spec: ColumnSpec, count: int) -> ColumnData:
    if spec.ragged_axes is None:
        return np.zeros((count, *spec.shape), dtype=spec.dtype)
    starts = np.zeros(count, dtype=np.int64)
    return Ragged(np.empty(0, spec.dtype), starts, np.zeros((count, spec.ragged_axes), dtype=np.int64))


register_node(UnionSpace, UnionNode)
