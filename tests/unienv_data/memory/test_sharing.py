"""Processes that share a memory."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from typing import Any

import pytest
import torch

from tests.unienv_data.memory.model import MemoryModel, add, content, create_tensors
from tests.unienv_data.memory.sharing_child import record
from unienv_data.memory import RandomMemory


def shared(memory_size: int, num_envs: int) -> Any:
    memory = RandomMemory(memory_size, num_envs, "cpu")
    memory.create_tensor("number", 1, torch.int64)
    memory.share_memory()
    memory.create_tensor("twice", 1)
    assert all(memory.get_tensor_by_name(name).is_shared() for name in memory.get_tensor_names())
    return memory


def test_what_one_records_the_other_sees() -> None:
    """Two processes record at once, in turns; samples are seen whole."""
    memory = shared(100, 3)
    other = multiprocessing.get_context("spawn").Process(target=record, args=(memory, 1, 150))
    other.start()
    while not len(memory):  # it takes seconds to start
        other.join(0.01)
        assert other.exitcode is None
    for step in range(150):
        record(memory, 2, 1, first=step)
        [[number, twice]] = memory.sample(["number", "twice"], 32)
        assert torch.equal(number.float() * 2, twice)
    other.join(60)
    assert other.exitcode == 0
    assert (memory.memory_index, memory.env_index, memory.filled) == (0, 0, True)
    numbers = memory.get_tensor_by_name("number").flatten().tolist()
    assert sorted(numbers) == [*range(1000, 1150), *range(2000, 2150)]
    for writer in (1, 2):  # each in its own order
        own = [number for number in numbers if number // 1000 == writer]
        assert own == sorted(own)


def test_sharing_twice_changes_nothing() -> None:
    memory = shared(4, 3)
    record(memory, 1, 5)
    before = content(memory)
    tensor = memory.get_tensor_by_name("number")
    memory.share_memory()
    assert content(memory) == before
    assert memory.get_tensor_by_name("number") is tensor


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda memory: pickle.loads(pickle.dumps(memory))])
def test_copies_are_apart(copied: Any) -> None:
    memory, model = RandomMemory(3, 2, "cpu", seed=1), MemoryModel(3, 2)
    create_tensors(memory)
    add(memory, model, 2)
    other = copied(memory)
    assert content(other) == content(memory)
    add(other, model, 1)
    assert (len(memory), len(other)) == (2, 3)
    assert other._tensor_grid is other.get_tensor_by_name("grid")
    assert not memory.get_tensor_by_name("grid")[1, 0].any()
    first = memory.sample(["grid"], 5)[0][0]
    assert first.shape == other.sample(["grid"], 5)[0][0].shape
