"""Boxes and binaries: one column, one shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns.data import ColumnData, ColumnSpec, EncodedRows
from unienv_data.columns.node import AnySpace, ColumnNode, register_node
from unienv_data.errors import SpaceError, SpaceValueError
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.backends.serialization import serialize_dtype
from unienv_interface.space import BinarySpace, BoxSpace
from unienv_interface.space.space_utils.batch_utils import batch_space

__all__ = ["ROOT", "FixedNode", "stored_dtype"]

ROOT = "value"
"""The column of a space that is no group."""


def stored_dtype(space: AnySpace, path: str) -> np.dtype[Any]:
    """NumPy's data type for the arrays of a space.

    Raises:
        SpaceError: it has none.
    """
    name = serialize_dtype(space.backend, space.dtype)
    try:
        return np.dtype(name)
    except TypeError:
        raise SpaceError(f"{path or 'the space'}: {name} is no data type that can be stored") from None


class FixedNode(ColumnNode):
    """Arrays of one shape.

    Args:
        space: a box or binary space.
        name: name of the column.
        path: where the values stand, for messages.
        kind: what people call the column.
    """

    def __init__(self, space: AnySpace, name: str, path: str, kind: str) -> None:
        self.space, self.name, self.path, self.kind = space, name or ROOT, path, kind
        self.specs = (ColumnSpec(self.name, kind, stored_dtype(space, path), tuple(space.shape or ())),)
        self._batched: dict[int, AnySpace] = {}
        self._dtype, self._shape = self.specs[0].dtype, self.specs[0].shape
        # A space of a class of its own may coerce, and take, something else.
        self._is_plain = space.backend is NumpyComputeBackend and type(space) in (BoxSpace, BinarySpace)
        self._low, self._high = _bounds(space)
        self._scalars = _scalar_types(self._dtype) if self._is_plain and not self._shape else frozenset()

    def encode(self, value: Any, count: int) -> dict[str, ColumnData]:
        if isinstance(value, EncodedRows):
            return {self.name: self._fitting(value, count)}
        if self._is_stored(value, (count, *self._shape)):
            return {self.name: value}
        batched = self._batched.get(count)
        if batched is None:
            if len(self._batched) >= 16:
                self._batched.clear()
            batched = self._batched[count] = batch_space(self.space, count)
        return {self.name: self._host(batched.coerce(value, path=self.path))}

    def encode_one(self, value: Any) -> dict[str, ColumnData]:
        array = np.asarray(value) if type(value) in self._scalars else value
        if self._is_stored(array, self._shape):
            return {self.name: array[None]}
        return {self.name: self._host(self.space.coerce(value, path=self.path))[None]}

    def decode(self, columns: Mapping[str, ColumnData], count: int) -> Any:
        space, rows = self.space, columns[self.name]
        if not isinstance(rows, np.ndarray):
            raise TypeError(f"{self.name}: rows of this column are arrays of one shape")
        if self._is_plain and rows.dtype == self._dtype:
            return rows
        return space.backend.from_numpy(rows, dtype=space.dtype, device=space.device)

    def _fitting(self, rows: EncodedRows, count: int) -> EncodedRows:
        expected = (self._dtype, (count, *self._shape))
        if (rows.dtype, rows.shape) != expected or self._low is not None or self._high is not None:
            wanted = f"encoded rows of {expected[0]} {expected[1]}"
            if self._low is not None or self._high is not None:
                wanted = "rows that are not encoded, whose bounds can be seen"
            raise SpaceValueError(self.path, wanted, f"encoded rows of {rows.dtype} {rows.shape}")
        return rows

    def _is_stored(self, value: Any, shape: tuple[int, ...]) -> bool:
        """Whether an array is surely in the space as it is: coercing it would find so ten times slower."""
        if not (
            self._is_plain
            and type(value) is np.ndarray
            and value.dtype == self._dtype
            and value.shape == shape
            and value.flags.c_contiguous
        ):
            return False
        # NaN is within no bounds here: whether it is welcome is for others to say.
        return not value.size or (
            (self._low is None or _is_above(self._low, value))
            and (self._high is None or _is_below(self._high, value))
        )

    def _host(self, array: Any) -> NDArray[Any]:
        host: NDArray[Any] = self.space.backend.to_numpy(array)
        return np.ascontiguousarray(host).reshape(host.shape)


def _bounds(space: AnySpace) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """The bounds of a box that are tighter than its data type's, in the form in which it keeps them."""
    if not isinstance(space, BoxSpace):
        return None, None
    bounds = space.bounds
    return (
        bounds.low if bounds.restricts_low() else None,
        bounds.high if bounds.restricts_high() else None,
    )


def _scalar_types(dtype: np.dtype[Any]) -> frozenset[type]:
    """Types of numbers that NumPy makes arrays of this data type of, if they fit."""
    python = {"bool": bool, "int64": int, "float64": float}.get(dtype.name)
    return frozenset({dtype.type} if python is None else {dtype.type, python})


def _is_above(low: NDArray[Any], values: NDArray[Any]) -> bool:
    if values.size <= _FEW:
        return _NO not in (values >= low).tobytes()
    # One reduction makes no array as large as the values.
    return bool(values.min() >= low if low.size == 1 else (values >= low).all())


def _is_below(high: NDArray[Any], values: NDArray[Any]) -> bool:
    if values.size <= _FEW:
        return _NO not in (values <= high).tobytes()
    return bool(values.max() <= high if high.size == 1 else (values <= high).all())


_FEW = 1024  # elements: of the outcome for so few, the bytes tell faster than a reduction does
_NO = b"\x00"

register_node(BoxSpace, lambda space, name, path: FixedNode(space, name, path, "box"))
register_node(BinarySpace, lambda space, name, path: FixedNode(space, name, path, "binary"))
