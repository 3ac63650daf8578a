"""What is recorded, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.unienv_data.memory.model import MemoryModel, add, content, create_tensors, samples
from unienv_data.errors import SpaceValueError
from unienv_data.memory import Memory


def made(memory_size: int = 3, num_envs: int = 2) -> tuple[Any, MemoryModel]:
    memory = Memory(memory_size, num_envs, "cpu")
    create_tensors(memory)
    return memory, MemoryModel(memory_size, num_envs)


def test_the_three_cases_of_the_reference() -> None:
    memory, model = made(3, 4)
    add(memory, model, 4)
    assert (memory.memory_index, memory.env_index) == (1, 0)
    add(memory, model, 3)
    assert (memory.memory_index, memory.env_index) == (1, 3)
    one = samples(model.record(1))
    memory.add_samples(**{name: value[0] for name, value in one.items()})
    assert (memory.memory_index, memory.env_index, memory.filled) == (2, 0, False)
    add(memory, model, 4)
    assert (memory.memory_index, memory.env_index, memory.filled) == (0, 0, True)
    assert (memory.get_tensor_by_name("grid")[..., 0, 0] // 10).tolist() == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10, 11],
    ]
    add(memory, model, 4)
    assert (memory.get_tensor_by_name("grid")[0, :, 0, 0] // 10).tolist() == [12, 13, 14, 15]


def test_one_environment_records_many_steps_at_once() -> None:
    memory, model = made(4, 1)
    add(memory, model, 3)
    add(memory, model, 11)
    assert (memory.memory_index, memory.filled) == (2, True)
    assert (memory.get_tensor_by_name("grid")[:, 0, 0, 0] // 10).tolist() == [12, 13, 10, 11]


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({}, "samples: expected name=tensor for one tensor at least, got none"),
        (
            {"floats": torch.zeros(2, 3)},
            r"floats: expected samples of shape \(2\) or \(n, 2\), got shape \(2, 3\)",
        ),
        ({"floats": torch.zeros(3)}, "floats: expected samples of shape"),
        ({"floats": torch.zeros(())}, "floats: expected samples of shape"),
        ({"floats": torch.zeros(1, 2, 2)}, "floats: expected samples of shape"),
        ({"grid": torch.zeros(2, 6)}, r"grid: expected samples of shape \(2, 3\) or \(n, 2, 3\)"),
        (
            {"floats": torch.zeros(2, 2), "even": torch.zeros(1, 1)},
            "even: expected 2 samples, as of floats, got 1",
        ),
        (
            {"floats": torch.zeros(2, 2), "even": torch.zeros(1)},
            "even: expected 2 samples, as of floats, got 1",
        ),
        (
            {"floats": torch.zeros(3, 2)},
            "samples: expected at most 2, which complete the row of 2 environments, got 3",
        ),
        ({"floats": torch.zeros(2, 2, dtype=torch.complex64)}, "floats: expected real or boolean values"),
        ({"floats": "text"}, "floats: expected a tensor, got str"),
        ({"floats": [[1, 2], [3]]}, "floats: expected a tensor, got list"),
        ({"floats": None}, "floats: expected a tensor, got NoneType"),
    ],
)
def test_what_does_not_fit_is_refused(given: Any, match: str) -> None:
    memory, model = made()
    add(memory, model, 2)
    before = content(memory)
    with pytest.raises(SpaceValueError, match=match):
        memory.add_samples(**given)
    with pytest.raises(ValueError, match=match):
        memory.add_samples(**given)
    assert content(memory) == before


def test_a_row_is_not_begun_before_the_last_is_complete() -> None:
    memory, model = made()
    add(memory, model, 1)
    before = content(memory)
    with pytest.raises(SpaceValueError, match="at most 1, which complete the row of 2 environments, got 2"):
        memory.add_samples(**samples([7, 8]))
    assert content(memory) == before


def test_unknown_names_are_skipped() -> None:
    memory, _ = made()
    memory.add_samples(floats=torch.ones(2, 2), other=torch.ones(9, 9), third="anything", self=3)
    assert len(memory) == 2
    before = content(memory)
    memory.add_samples(other=torch.ones(2, 2))
    assert content(memory) == before


def test_tensors_that_are_not_given_keep_what_they_hold() -> None:
    memory, model = made(2, 1)
    add(memory, model, 2)
    memory.add_samples(floats=torch.tensor([[8.0, 9.0]]))
    assert memory.get_tensor_by_name("floats")[:, 0].tolist()[0] == [8, 9]
    assert (memory.get_tensor_by_name("grid")[:, 0, 0, 0] // 10).tolist() == [0, 1]


def test_samples_are_converted_and_detached() -> None:
    memory = Memory(4, 2, "cpu")
    memory.create_tensor("x", 1)
    memory.create_tensor("n", 1, torch.int64)
    memory.create_tensor("done", 1, torch.bool)
    frozen = np.array([[3], [4]], dtype=np.uint8)
    frozen.flags.writeable = False
    memory.add_samples(x=torch.ones(2, 1, dtype=torch.float64, requires_grad=True), n=frozen, done=[[0], [2]])
    assert memory.get_tensor_by_name("x")[0].tolist() == [[1], [1]]
    assert memory.get_tensor_by_name("n")[0].tolist() == [[3], [4]]
    assert memory.get_tensor_by_name("done")[0].tolist() == [[False], [True]]
    assert not memory.get_tensor_by_name("x").requires_grad


def test_scalars_with_their_shape_kept() -> None:
    memory = Memory(4, 2, "cpu")
    memory.create_tensor("reward", (), keep_dimensions=True)
    memory.add_samples(reward=torch.tensor([1.0, 2.0]))
    memory.add_samples(reward=torch.tensor(3.0))
    memory.add_samples(reward=4)
    assert memory.get_tensor_by_name("reward")[:2].tolist() == [[1, 2], [3, 4]]
    [[rewards]] = memory.sample_all(["reward"])
    assert rewards.shape == (4,)


def test_no_samples_are_no_change() -> None:
    memory, model = made()
    add(memory, model, 1)
    before = content(memory)
    memory.add_samples(floats=torch.zeros(0, 2))
    assert content(memory) == before


def test_resetting_keeps_what_the_tensors_hold() -> None:
    memory, model = made()
    for _ in range(4):
        add(memory, model, 2)
    tensors = content(memory)[0]
    memory.reset()
    assert content(memory) == (tensors, 0, 0, False)
    assert len(memory) == 0
