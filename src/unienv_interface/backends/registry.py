"""The backends by name, each imported when first asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from unienv_interface.errors import SpaceError

if TYPE_CHECKING:
    from unienv_interface.backends.base import ComputeBackend

__all__ = ["BACKEND_NAMES", "get_backend_from_tensor", "load_backend"]

_BACKENDS = {
    "numpy": ("unienv_interface.backends.numpy", "NumpyComputeBackend"),
    "pytorch": ("unienv_interface.backends.pytorch", "PyTorchComputeBackend"),
    "jax": ("unienv_interface.backends.jax", "JaxComputeBackend"),
}
_BY_PACKAGE = {"numpy": "numpy", "torch": "pytorch", "jax": "jax", "jaxlib": "jax"}

BACKEND_NAMES = tuple(_BACKENDS)


def load_backend(name: str) -> ComputeBackend[Any, Any, Any, Any]:
    """The backend called `name`.

    Raises:
        SpaceError: no backend has that name.
        MissingDependencyError: its library is not installed.
    """
    if name not in _BACKENDS:
        raise SpaceError(f"backend: expected one of {', '.join(_BACKENDS)}, got {name!r}")
    module, attribute = _BACKENDS[name]
    backend: ComputeBackend[Any, Any, Any, Any] = getattr(importlib.import_module(module), attribute)
    return backend


def get_backend_from_tensor(tensor: object) -> ComputeBackend[Any, Any, Any, Any]:
    """The backend whose array `tensor` is, told by the package that its class comes from.

    Raises:
        TypeError: it is no array of a known backend.
    """
    for base in type(tensor).__mro__:
        name = _BY_PACKAGE.get(base.__module__.partition(".")[0])
        if name is not None:
            backend = load_backend(name)
            if backend.is_backendarray(tensor):
                return backend
    kind = f"{type(tensor).__module__}.{type(tensor).__qualname__}"
    raise TypeError(f"expected an array of {', '.join(_BACKENDS)}, got {kind}")
