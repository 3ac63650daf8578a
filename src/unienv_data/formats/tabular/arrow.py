"""Arrow columns as spaces and NumPy arrays, dtypes as they stand on disk.

Numbers, booleans and texts, one a row, and lists of numbers of any depth whose lengths are the same in every
row, whether Arrow knows that (fixed_size_list, the tensor extension types) or not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BinarySpace, BoxSpace, TextSpace
from unienv_interface.space.space import AnySpace

__all__ = ["ArrowColumn", "array_space", "number_dtype", "text_space"]

TEXT_MAX_LENGTH = 65536


def text_space() -> AnySpace:
    """What every converted text is declared as."""
    return TextSpace(NumpyComputeBackend, max_length=TEXT_MAX_LENGTH)


def array_space(dtype: np.dtype[Any], shape: tuple[int, ...]) -> AnySpace:
    """Numbers of which only the type is known: bounds are the dtype's; booleans are binary."""
    if dtype.kind == "b":
        return BinarySpace(NumpyComputeBackend, shape=shape, dtype=dtype.type)
    low: float
    high: float
    if dtype.kind == "f":
        low, high = -np.inf, np.inf
    else:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    return BoxSpace(NumpyComputeBackend, low=low, high=high, dtype=dtype.type, shape=shape)


def number_dtype(type_: pa.DataType) -> np.dtype[Any] | None:
    """NumPy's dtype of an Arrow number or boolean; None for any other type."""
    if pa.types.is_boolean(type_) or pa.types.is_integer(type_) or pa.types.is_floating(type_):
        # Older pyarrow imports pandas for to_pandas_dtype.
        return np.dtype(pa.array([], type_).to_numpy(zero_copy_only=False).dtype)
    return None


def _is_list(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)
    )


def _is_text(type_: pa.DataType) -> bool:
    if pa.types.is_dictionary(type_):
        return _is_text(type_.value_type)
    return bool(
        pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)
    )


@dataclass(frozen=True)
class ArrowColumn:
    """How one Arrow column is read.

    Args:
        name: the column.
        dtype: NumPy's dtype of the numbers; None for text.
        shape: one row's shape; `()` for scalars and text.
        lists: the length of the lists of each depth, outermost first; their product is the shape's.
    """

    name: str
    dtype: np.dtype[Any] | None
    shape: tuple[int, ...]
    lists: tuple[int, ...]

    @classmethod
    def of(cls, name: str, type_: pa.DataType, shape: tuple[int, ...] | None) -> ArrowColumn:
        """The column of this Arrow type.

        Args:
            name: the column.
            type_: what the file says.
            shape: what the metadata says of a row; needed for lists whose length Arrow does not fix.

        Raises:
            ConversionError: the type is of no kind that a column can be made of, or contradicts the shape.
        """
        if _is_text(type_):
            return cls(name, None, (), ())
        known: list[int | None] = []
        element: Any = _storage(type_)
        while _is_list(element):
            known.append(element.list_size if pa.types.is_fixed_size_list(element) else None)
            element = _storage(element.value_type)
        dtype = number_dtype(element)
        if dtype is None:
            raise ConversionError(
                f"the column {name} has the Arrow type {type_}, which has no place in a store"
            )
        if not known:
            return cls(name, dtype, (), ())
        if isinstance(type_, pa.FixedShapeTensorType):
            shape = tuple(type_.shape)
        lists = tuple(size for size in known if size is not None)
        if len(lists) == len(known):
            shape = lists if shape is None else shape
            fits = math.prod(lists) == math.prod(shape)
        elif shape is not None and len(shape) == len(known):
            lists = shape
            fits = all(size in (None, want) for size, want in zip(known, shape, strict=True))
        else:
            fits = False
        if shape is None or not fits:
            given = "no shape" if shape is None else f"the shape {list(shape)}"
            raise ConversionError(f"the column {name} holds {type_}, but its metadata gives {given}")
        return cls(name, dtype, shape, lists)

    @property
    def space(self) -> AnySpace:
        """One row's value."""
        return text_space() if self.dtype is None else array_space(self.dtype, self.shape)

    def to_numpy(self, column: pa.ChunkedArray[Any] | pa.Array[Any], where: str) -> NDArray[Any]:
        """The rows as an array (B, *shape); text as an object array (B,) of str.

        Args:
            column: the Arrow column, as read.
            where: the rows' address, for messages.

        Raises:
            ConversionError: a value is null, or a list has another length than the shape says.
        """
        rows = len(column)
        if self.dtype is None:
            self._refuse_nulls(column, where)
            texts = np.empty(rows, dtype=object)
            texts[:] = column.to_pylist()
            return texts
        array: Any = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        for size in self.lists:
            self._refuse_nulls(array, where)
            elements = _flattened(array, size)
            if elements is None:
                raise ConversionError(
                    f"{where}: the column {self.name} has lists that are not {size} long, "
                    f"as the shape {list(self.shape)} asks"
                )
            array = elements
        self._refuse_nulls(array, where)
        values = _plain(array).to_numpy(zero_copy_only=False)
        return np.ascontiguousarray(values.astype(self.dtype, copy=False)).reshape(rows, *self.shape)

    def _refuse_nulls(self, array: pa.Array[Any] | pa.ChunkedArray[Any], where: str) -> None:
        if array.null_count:
            row = int(pc.index(array.is_null(), True).as_py())
            raise ConversionError(f"{where}: the column {self.name} has no value (null) in row {row}")


def _storage(type_: pa.DataType) -> pa.DataType:
    return type_.storage_type if isinstance(type_, pa.BaseExtensionType) else type_


def _plain(array: pa.Array[Any]) -> Any:
    return array.storage if isinstance(array, pa.ExtensionArray) else array


def _flattened(array: pa.Array[Any], size: int) -> Any:
    """The elements of lists that are all `size` long; None where one is not."""
    lists = _plain(array)
    if pa.types.is_fixed_size_list(lists.type):
        return lists.flatten() if lists.type.list_size == size else None
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    return lists.flatten() if (lengths == size).all() else None
