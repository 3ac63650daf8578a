"""Batches of values in other shapes. Only the structure of the data is used, no space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from unienv_interface.backends.arrays import map_leaves
from unienv_interface.backends.base import AnyBackend
from unienv_interface.space.space_utils.batch_shapes import check_axes, check_reshape

__all__ = ["reshape_batch_size_in_data", "swap_batch_dims_in_data"]


def reshape_batch_size_in_data(
    backend: AnyBackend, data: Any, old_batch_shape: Sequence[int], new_batch_shape: Sequence[int]
) -> Any:
    """The same batch with the first axes of its arrays, `old_batch_shape`, made `new_batch_shape`.

    Args:
        backend: the backend of the arrays.
        data: arrays and object arrays, in mappings, tuples, lists and graphs.
        old_batch_shape: first axes of every array.
        new_batch_shape: what they become; of the same size.

    Raises:
        SpaceError: an array does not begin with those axes, or the sizes differ.
    """

    def reshape(array: Any) -> Any:
        old, new = check_reshape(tuple(array.shape), old_batch_shape, new_batch_shape)
        shape = new + tuple(array.shape[len(old) :])
        return array.reshape(shape) if is_object_array(array) else backend.reshape(array, shape)

    return _map_arrays(backend, data, reshape)


def swap_batch_dims_in_data(backend: AnyBackend, data: Any, dim1: int, dim2: int) -> Any:
    """The same batch with two axes of its arrays exchanged.

    Args:
        backend: the backend of the arrays.
        data: arrays and object arrays, in mappings, tuples, lists and graphs.
        dim1: one axis.
        dim2: the other.

    Raises:
        SpaceError: an array lacks one of them.
    """

    def swap(array: Any) -> Any:
        ndim = len(array.shape)
        check_axes(tuple(array.shape), dim1, dim2)
        axes = list(range(ndim))
        axes[dim1], axes[dim2] = axes[dim2], axes[dim1]
        if is_object_array(array):
            return array.transpose(axes)
        return backend.permute_dims(array, tuple(axes))

    return _map_arrays(backend, data, swap)


def is_object_array(x: object) -> bool:
    """Whether `x` is a batch of objects."""
    return isinstance(x, np.ndarray) and x.dtype == object


def _map_arrays(backend: AnyBackend, data: Any, fn: Callable[[Any], Any]) -> Any:
    return map_leaves(data, lambda x: backend.is_backendarray(x) or is_object_array(x), fn)
