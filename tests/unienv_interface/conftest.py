"""Every test of this folder that takes `backend` runs on each backend that is installed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import requires_torch
from unienv_interface.backends import ComputeBackend, load_backend


@pytest.fixture(
    params=["numpy", pytest.param("pytorch", marks=requires_torch)],
)
def backend(request: pytest.FixtureRequest) -> ComputeBackend[Any, Any, Any, Any]:
    return load_backend(request.param)


@pytest.fixture
def other(backend: ComputeBackend[Any, Any, Any, Any]) -> ComputeBackend[Any, Any, Any, Any]:
    """Another backend than `backend`, if there is one."""
    if backend.simplified_name == "numpy":
        pytest.importorskip("torch")
        return load_backend("pytorch")
    return load_backend("numpy")
