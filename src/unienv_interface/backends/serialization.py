"""Backends and data types as text."""

from __future__ import annotations

from typing import Any

from unienv_interface.backends.base import AnyBackend, BDtypeType, ComputeBackend
from unienv_interface.backends.registry import load_backend

__all__ = ["deserialize_backend", "deserialize_dtype", "serialize_backend", "serialize_dtype"]


def serialize_backend(backend: AnyBackend) -> str:
    """The name of a backend: "numpy", "pytorch" or "jax"."""
    return backend.simplified_name


def deserialize_backend(name: str) -> AnyBackend:
    """The backend of that name, imported if need be.

    Raises:
        SpaceError: there is none.
        MissingDependencyError: its library is not installed.
    """
    return load_backend(name)


def serialize_dtype(
    backend: ComputeBackend[Any, Any, BDtypeType, Any], dtype: BDtypeType | None
) -> str | None:
    """The array-API name of a data type ("float32"), or None for None.

    Raises:
        SpaceError: it is no type of the backend.
    """
    return None if dtype is None else backend.dtype_name(dtype)


def deserialize_dtype(
    backend: ComputeBackend[Any, Any, BDtypeType, Any], name: str | None
) -> BDtypeType | None:
    """The data type of that array-API name, or None for None.

    Raises:
        SpaceError: the backend has no such type.
    """
    return None if name is None else backend.dtype_from_name(name)
