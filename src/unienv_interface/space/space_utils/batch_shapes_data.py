"""Batches of values in other shapes. Only the structure of the data is used, no space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from unienv_interface.backends.arrays import map_leaves
from unienv_interface.backends.base import AnyBackend
from unienv_interface.space.space_utils.batch_shapes import check_axes, check_reshape
from unienv_interface.space.spaces import GraphInstance

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

    def reshape(array: Any, batch_axes: int) -> Any:
        old, new = check_reshape(tuple(array.shape[:batch_axes]), old_batch_shape, new_batch_shape)
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

    def swap(array: Any, batch_axes: int) -> Any:
        check_axes(tuple(array.shape[:batch_axes]), dim1, dim2)
        first, second = dim1 % batch_axes, dim2 % batch_axes
        axes = list(range(len(array.shape)))
        axes[first], axes[second] = second, first
        if is_object_array(array):
            return array.transpose(axes)
        return backend.permute_dims(array, tuple(axes))

    return _map_arrays(backend, data, swap)


def is_object_array(x: object) -> bool:
    """Whether `x` is a batch of objects."""
    return isinstance(x, np.ndarray) and x.dtype == object


def _map_arrays(backend: AnyBackend, data: Any, fn: Callable[[Any, int], Any]) -> Any:
    """Data with `fn` applied to its arrays and the number of axes that may be batch axes."""

    def is_leaf(x: object) -> bool:
        return backend.is_backendarray(x) or is_object_array(x) or isinstance(x, GraphInstance)

    def apply(leaf: Any) -> Any:
        if isinstance(leaf, GraphInstance):
            axes = len(leaf.n_nodes.shape)
            return leaf.map(lambda array: fn(array, axes))
        return fn(leaf, len(leaf.shape))

    return map_leaves(data, is_leaf, apply)
