"""Reading and writing entries of arrays by any index."""

from __future__ import annotations

from typing import Any

import numpy as np

from unienv_interface.backends.base import AnyBackend, get_backend_from_tensor
from unienv_interface.errors import SpaceValueError
from unienv_interface.space.spaces.batched import object_array
from unienv_interface.space.spaces.values import cast_exact, check_exact, check_kind, describe, host_numbers

__all__ = ["backend_index", "host_index", "put", "put_objects", "take"]


def take(backend: AnyBackend, items: Any, index: Any) -> Any:
    """`items[index]`, always an array of the backend."""
    taken = items[backend_index(backend, items, index)]
    # NumPy gives scalars where nothing is left of the shape.
    return np.asarray(taken) if isinstance(taken, np.generic) else taken


def backend_index(backend: AnyBackend, items: Any, index: Any) -> Any:
    """An index of any backend, or plain Python, as one that `items` of this backend understands."""
    if isinstance(index, tuple):
        return tuple(_index_part(backend, items, part, axis) for axis, part in enumerate(index))
    return _index_part(backend, items, index, 0)


def _index_part(backend: AnyBackend, items: Any, part: Any, axis: int) -> Any:
    if part is None or part is Ellipsis or isinstance(part, int):
        return part
    if isinstance(part, np.integer):
        return int(part)
    if isinstance(part, slice):
        if part.step is None or part.step > 0:
            return part
        part = np.arange(items.shape[axis])[part]  # not every backend counts backwards
    if isinstance(part, list | range):
        part = np.asarray(part, dtype=None if len(part) else np.int64)
    if not backend.is_backendarray(part):
        host = part if isinstance(part, np.ndarray) else get_backend_from_tensor(part).to_numpy(part)
        part = backend.from_numpy(host, device=backend.device(items))
    # Other integers mean other things to some: uint8 is a mask to torch.
    if backend.dtype_is_real_integer(part.dtype):
        return backend.astype(part, backend.default_integer_dtype, copy=False)
    return part


def host_index(index: Any) -> Any:
    """An index of any backend as one that NumPy understands."""
    if isinstance(index, tuple):
        return tuple(host_index(part) for part in index)
    if index is None or index is Ellipsis or isinstance(index, int | slice | np.integer):
        return index
    if isinstance(index, list | range):
        return np.asarray(index, dtype=None if len(index) else np.int64)
    host = index if isinstance(index, np.ndarray) else get_backend_from_tensor(index).to_numpy(index)
    # An integer takes and puts one object as it is; an array of no axes would spread it.
    return int(host) if host.ndim == 0 and host.dtype.kind in "iu" else host


def put(backend: AnyBackend, items: Any, index: Any, value: Any) -> Any:
    """An array with entries replaced, checking that its type holds them."""
    dtype = backend.dtype_name(items.dtype)
    if not backend.is_backendarray(value) or isinstance(value, np.generic):
        host = host_numbers(value)
        if host is None:
            raise SpaceValueError("", f"values of type {dtype} by {backend}", describe(value))
        check_kind(host.dtype.name, dtype, "")
        check_exact(host, dtype, "")
        value = backend.from_numpy(np.array(host), dtype=items.dtype, device=backend.device(items))
    else:
        check_kind(backend.dtype_name(value.dtype), dtype, "")
        value = cast_exact(backend, value, dtype, "")
    return backend.at(items)[backend_index(backend, items, index)].set(value)


def put_objects(items: Any, index: Any, value: Any) -> Any:
    """An object array with entries replaced; a value that is no object array goes into each of them."""
    if not items.flags.writeable:
        items = items.copy()
    where = host_index(index)
    # Into one place the value goes as it is; NumPy would spread lists and arrays over several.
    is_one_place = np.ndim(np.broadcast_to(False, items.shape)[where]) == 0
    if not is_one_place and not (isinstance(value, np.ndarray) and value.dtype == object):
        value = object_array([value], ())
    items[where] = value
    return items
