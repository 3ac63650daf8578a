"""Filesystems that are slow or fail, and what stands above them."""

from __future__ import annotations

import time
import uuid
from typing import Any

import fsspec
import numpy as np
import pytest

import unienv_data
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import CorruptDataError
from unienv_data.store.objects import Range, open_objects
from unienv_data.testing import FAULTS, DelayingFileSystem, FaultPlan, FaultyFileSystem
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces import BoxSpace

SPACE = BoxSpace(NumpyComputeBackend, 0, 255, np.uint8, shape=(16, 16))
ROWS = np.random.default_rng(0).integers(0, 255, (32, 16, 16), dtype=np.uint8)


@pytest.fixture
def url() -> str:
    """A dataset in memory of two shards."""
    url = f"memory://{uuid.uuid4().hex}/data.zarr"
    buffer = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=url, chunks={"**": 1}, shards={"**": 16})
    buffer.extend(ROWS)
    buffer.seal()
    buffer.close()
    return url


def test_concurrent_requests_are_delayed_at_the_same_time(url: str) -> None:
    name = uuid.uuid4().hex
    objects = open_objects(f"delayed::memory://{name}", {"delayed": {"seconds": 0.05}})
    objects.create("a", b"0123456789" * 20)
    assert fsspec.filesystem("memory").cat(f"/{name}/a") == b"0123456789" * 20
    began = time.perf_counter()
    found = objects.read_ranges([Range("a", place, place + 2) for place in range(100)])
    took = time.perf_counter() - began
    assert found == [(b"0123456789" * 20)[place : place + 2] for place in range(100)]
    assert 0.05 <= took < 2.5  # one after another takes 5 s
    began = time.perf_counter()
    for _ in range(3):
        objects.read("a")
    assert time.perf_counter() - began >= 0.15


def test_what_the_other_filesystem_can_do_this_one_can() -> None:
    memory = fsspec.filesystem("memory")
    for filesystem in (DelayingFileSystem(0.0, fs=memory), FaultyFileSystem(fs=memory)):
        assert {"memory", filesystem.own_protocol} == set(filesystem.protocol)
        name = f"/{uuid.uuid4().hex}"
        filesystem.pipe_file(f"{name}/a/b", b"content")
        assert filesystem.cat_file(f"{name}/a/b", start=1, end=3) == b"on"
        assert filesystem.info(f"{name}/a/b")["size"] == 7
        assert [item.rsplit("/", 1)[-1] for item in filesystem.ls(f"{name}/a", detail=False)] == ["b"]
        filesystem.rm(name, recursive=True)
        assert not filesystem.exists(f"{name}/a/b")


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(fault: Any) -> None:
    plan = FaultPlan({0: fault})
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/faults/a", b"0123456789")
    faulty = FaultyFileSystem(plan, fs=memory)
    expected = {"truncated": b"01234", "wrong": b"01234%6789"}
    if fault in expected:
        assert faulty.cat_file("/faults/a") == expected[fault]
    else:
        told = {"timeout": TimeoutError, "503": OSError}.get(fault, ConnectionResetError)
        with pytest.raises(told):
            faulty.cat_file("/faults/a")
    if fault == "lost":
        with pytest.raises(ConnectionResetError):
            faulty.cat_file("/faults/a")
    else:
        assert faulty.cat_file("/faults/a") == b"0123456789"
    assert plan.requests == 2


@pytest.mark.parametrize("fault", ["truncated", "wrong"])
def test_what_comes_damaged_is_fetched_again_once_and_then_named(url: str, fault: Any) -> None:
    plan = FaultPlan()
    options = {"storage_options": {"faulty": {"plan": plan}}, "retry_seconds": 0.0}
    for column in (range(3, 7), range(20, 22)):
        reader = unienv_data.open(f"faulty::{url}", **options)
        reader.get_at([0])
        # The index, and then what was asked for: each comes damaged once.
        for number in (0, 1):
            plan.faults = {plan.requests + number: fault}
            assert (reader.get_at(list(column)) == ROWS[column.start : column.stop]).all()
        reader.close()
    reader = unienv_data.open(f"faulty::{url}", **options)
    reader.get_at([0])
    plan.faults = {number: fault for number in range(plan.requests, plan.requests + 100)}
    before = plan.requests
    with pytest.raises(CorruptDataError, match=r"/storage/columns/.*c\.0\.") as caught:
        reader.get_at([5, 6])
    assert caught.value.object is not None
    assert plan.requests - before <= 4
    plan.faults = {}
    assert (reader.get_at([5, 6]) == ROWS[5:7]).all()
    reader.close()


@pytest.mark.parametrize("fault", ["truncated", "wrong"])
def test_commits_that_come_damaged_are_fetched_again(url: str, fault: Any) -> None:
    plan = FaultPlan()
    options = {"storage_options": {"faulty": {"plan": plan}}, "retry_seconds": 0.0}
    unienv_data.open(f"faulty::{url}", **options).close()
    for number in range(plan.requests):
        plan.faults, plan.requests = {number: fault}, 0
        with unienv_data.open(f"faulty::{url}", **options) as reader:
            plan.faults = {}
            assert (reader[:] == ROWS).all()
