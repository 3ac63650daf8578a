"""Compute backends: array libraries behind one interface.

`pytorch` and `jax` are modules of their own, imported only when asked for.
"""

from __future__ import annotations

from unienv_interface.backends.base import (
    AnyBackend,
    ArrayAPIArray,
    BArrayType,
    BDeviceType,
    BDtypeType,
    BRNGType,
    ComputeBackend,
)
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.backends.registry import get_backend_from_tensor, load_backend
from unienv_interface.backends.serialization import (
    deserialize_backend,
    deserialize_dtype,
    serialize_backend,
    serialize_dtype,
)

__all__ = [
    "AnyBackend",
    "ArrayAPIArray",
    "BArrayType",
    "BDeviceType",
    "BDtypeType",
    "BRNGType",
    "ComputeBackend",
    "NumpyComputeBackend",
    "deserialize_backend",
    "deserialize_dtype",
    "get_backend_from_tensor",
    "load_backend",
    "serialize_backend",
    "serialize_dtype",
]
