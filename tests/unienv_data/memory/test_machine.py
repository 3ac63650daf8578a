"""Random programs over memories, against a list of samples for each environment."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unienv_data.memory.model import (
    NAMES,
    MemoryModel,
    add,
    content,
    create_tensors,
    numbers_in,
    samples,
    torch,
)
from unienv_data.errors import EmptyDataError, SpaceValueError
from unienv_data.memory import RandomMemory


class MemoryMachine(RuleBasedStateMachine):
    memory: Any
    model: MemoryModel

    @initialize(memory_size=st.integers(1, 5), num_envs=st.integers(1, 4), replacement=st.booleans())
    def make(self, memory_size: int, num_envs: int, replacement: bool) -> None:
        self.memory = RandomMemory(memory_size, num_envs, "cpu", replacement=replacement, seed=7)
        create_tensors(self.memory)
        self.model = MemoryModel(memory_size, num_envs)

    @rule()
    def add_row(self) -> None:
        if self.model.room == self.model.num_envs:
            add(self.memory, self.model, self.model.num_envs)

    @rule(data=st.data())
    def add_some(self, data: Any) -> None:
        most = 12 if self.model.num_envs == 1 else self.model.room
        add(self.memory, self.model, data.draw(st.integers(0, most)))

    @rule()
    def add_one_without_an_axis(self) -> None:
        given = samples(self.model.record(1))
        self.memory.add_samples(**{name: value[0] for name, value in given.items()}, unknown=3)

    @rule(more=st.integers(1, 3))
    def too_many_are_refused(self, more: int) -> None:
        if self.model.num_envs > 1:
            before = content(self.memory)
            with pytest.raises(SpaceValueError, match="at most"):
                self.memory.add_samples(**samples(list(range(self.model.room + more))))
            assert content(self.memory) == before

    @rule()
    def reset(self) -> None:
        self.memory.reset()
        self.model.reset()

    @rule(batch_size=st.integers(1, 30), length=st.integers(1, 4), data=st.data())
    def sample(self, batch_size: int, length: int, data: Any) -> None:
        there = self.model.sequences(length)
        if not there:
            with pytest.raises(EmptyDataError):
                self.memory.sample(NAMES, batch_size, sequence_length=length)
            return
        replacement = self.memory.replacement
        expected = batch_size if replacement else min(batch_size, len(there))
        parts = data.draw(st.integers(1, min(expected, 4)))
        batches = self.memory.sample(NAMES, batch_size, parts, length)
        sizes = [len(batch[0]) // length for batch in batches]
        assert len(sizes) == parts
        assert sum(sizes) == expected
        assert max(sizes) - min(sizes) <= 1
        numbers = [number for batch in batches for number in numbers_in(batch)]
        sampled = [tuple(numbers[i : i + length]) for i in range(0, len(numbers), length)]
        assert set(sampled) <= there
        assert replacement or len(set(sampled)) == len(sampled)
        assert numbers_in(*self.memory.sample_by_index(NAMES, self.memory.get_sampling_indexes())) == numbers

    @rule(length=st.integers(1, 4), data=st.data())
    def sample_all(self, length: int, data: Any) -> None:
        expected = self.model.pieces(length)
        if not expected:
            with pytest.raises(EmptyDataError):
                self.memory.sample_all(NAMES, sequence_length=length)
            return
        parts = data.draw(st.integers(1, min(len(expected) // length, 4)))
        batches = self.memory.sample_all(NAMES, parts, length)
        assert len(batches) == parts
        assert all(len(batch[0]) % length == 0 for batch in batches)
        numbers = [number for batch in batches for number in numbers_in(batch)]
        if length == 1:
            expected = [number for _, number in sorted(self.model.cells.items())]
        assert numbers == expected

    @rule(format=st.sampled_from(["pt", "npz", "csv"]))
    def save_and_load(self, format: str) -> None:
        other = RandomMemory(self.model.memory_size, self.model.num_envs, "cpu", seed=3)
        create_tensors(other)
        other.replacement = self.memory.replacement
        with tempfile.TemporaryDirectory() as folder:
            other.load(self.memory.save(folder, format))
        self.memory = other

    @invariant()
    def stands_where_the_model_does(self) -> None:
        memory, model = self.memory, self.model
        assert len(memory) == len(model)
        assert (memory.memory_index, memory.env_index, memory.filled) == model.indexes
        grid = memory.get_tensor_by_name("grid")
        assert all(int(grid[cell][0, 0]) == number * 10 for cell, number in model.cells.items())
        assert torch.equal(memory.get_tensor_by_name("grid", keepdim=False), grid.view(-1, 2, 3))


MemoryMachine.TestCase.settings = settings(settings.default, max_examples=150, stateful_step_count=40)
TestMemories = MemoryMachine.TestCase


class ManyMemories(MemoryMachine):
    pass


ManyMemories.TestCase.settings = settings(settings.default, max_examples=1500, stateful_step_count=60)
TestManyMemories = pytest.mark.slow(pytest.mark.timeout(1800)(ManyMemories.TestCase))
