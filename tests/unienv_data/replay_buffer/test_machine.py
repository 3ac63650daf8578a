"""Random programs over buffers of every place, against a list of rows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.conftest import requires_torch
from unienv_data.testing import BufferPlace, InMemory, LocalFolder, MemoryUrl, ReplayBufferMachine
from unienv_interface.backends import load_backend


def machine(where: BufferPlace, programs: int, backend_name: str = "numpy", *, steps: int = 25) -> Any:
    """The test of a machine at this place."""

    class Machine(ReplayBufferMachine):
        place = where
        backend = load_backend(backend_name)

    Machine.TestCase.settings = settings(
        settings.default,
        max_examples=programs,
        stateful_step_count=steps,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    return Machine.TestCase


TestLocal = machine(LocalFolder(), 20)
TestMemoryUrl = machine(MemoryUrl(), 15)
TestInMemory = machine(InMemory(), 80, steps=40)

TestLocalMany = pytest.mark.slow(pytest.mark.timeout(1800)(machine(LocalFolder(), 1000, steps=30)))
TestMemoryUrlMany = pytest.mark.slow(pytest.mark.timeout(1800)(machine(MemoryUrl(), 500, steps=30)))
TestInMemoryMany = pytest.mark.slow(pytest.mark.timeout(1800)(machine(InMemory(), 500, steps=50)))


@requires_torch
def test_pytorch() -> None:
    machine(LocalFolder(), 10, "pytorch")("runTest").runTest()
