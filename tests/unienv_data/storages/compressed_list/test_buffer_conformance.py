"""Buffers over compressed lists through the shipped suites."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings

from tests.unienv_data.storages.compressed_list.buffers import (
    DumpedLocally,
    DumpedTests,
    DumpedToUrl,
    InMemoryList,
)
from unienv_data.testing import ReplayBufferMachine, ReplayBufferTests

SOME_SPACES = ("full_uint64", "text", "dict_odd_names", "robot", "graph_batch", "everything")


class TestInMemory(ReplayBufferTests):
    place = InMemoryList()
    backend_names = ("numpy",)
    space_names = SOME_SPACES


class TestDumped(DumpedTests):
    place = DumpedLocally()
    backend_names = ("numpy",)


class TestDumpedPyTorch(DumpedTests):
    place = DumpedLocally()
    backend_names = ("pytorch",)
    space_names = SOME_SPACES


class TestDumpedToUrl(DumpedTests):
    place = DumpedToUrl()
    backend_names = ("numpy",)
    space_names = SOME_SPACES


def machine(examples: int) -> Any:
    class Machine(ReplayBufferMachine):
        place = InMemoryList()
        options = {}  # noqa: RUF012  # as the base has it

    case = Machine.TestCase
    case.settings = settings(case.settings, max_examples=examples, stateful_step_count=40, deadline=None)
    return case


TestMachine = machine(30)
TestMachineMany = pytest.mark.slow(pytest.mark.timeout(1800)(machine(300)))
