"""Every test of this folder that takes `backend` runs on each backend that is installed.

JAX compiles each operation anew for each shape, which makes its turn a slow one.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from tests.conftest import requires_jax, requires_torch
from unienv_interface.backends import ComputeBackend, load_backend

AnyBackend = ComputeBackend[Any, Any, Any, Any]


def load(name: str) -> AnyBackend:
    if name == "jax":
        jax = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", True)
    return load_backend(name)


@pytest.fixture(
    params=[
        "numpy",
        pytest.param("pytorch", marks=requires_torch),
        pytest.param("jax", marks=[requires_jax, pytest.mark.slow]),
    ],
)
def backend(request: pytest.FixtureRequest) -> AnyBackend:
    return load(request.param)


@pytest.fixture
def other(backend: AnyBackend) -> AnyBackend:
    """Another backend than `backend`, if one is installed."""
    if backend.simplified_name != "numpy":
        return load("numpy")
    for name, module in (("pytorch", "torch"), ("jax", "jax")):
        if importlib.util.find_spec(module) is not None:
            return load(name)
    pytest.skip("only NumPy is installed")
