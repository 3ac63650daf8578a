"""A memory as it is thought of: a list of samples for each environment, and what is made with both."""

from __future__ import annotations

from typing import Any

import torch


class MemoryModel:
    """Numbered samples. Environments take turns, and each remembers its last `memory_size` samples."""

    def __init__(self, memory_size: int, num_envs: int) -> None:
        self.memory_size, self.num_envs = memory_size, num_envs
        self.next_number = 0
        self.reset()

    def reset(self) -> None:
        self.since_reset = 0
        self.histories: list[list[int]] = [[] for _ in range(self.num_envs)]
        self.cells: dict[tuple[int, int], int] = {}

    def record(self, count: int) -> list[int]:
        numbers = []
        for _ in range(count):
            turn, env = divmod(self.since_reset, self.num_envs)
            self.cells[turn % self.memory_size, env] = self.next_number
            self.histories[env] = [*self.histories[env], self.next_number][-self.memory_size :]
            numbers.append(self.next_number)
            self.since_reset += 1
            self.next_number += 1
        return numbers

    @property
    def room(self) -> int:
        return self.num_envs - self.since_reset % self.num_envs

    @property
    def indexes(self) -> tuple[int, int, bool]:
        turn, env = divmod(self.since_reset, self.num_envs)
        return turn % self.memory_size, env, turn >= self.memory_size

    def __len__(self) -> int:
        return sum(map(len, self.histories))

    def sequences(self, length: int) -> set[tuple[int, ...]]:
        """Every run of `length` samples of one environment."""
        return {
            tuple(history[start : start + length])
            for history in self.histories
            for start in range(len(history) - length + 1)
        }

    def pieces(self, length: int) -> list[int]:
        """The samples of each environment, cut from the oldest into whole sequences."""
        return [n for history in self.histories for n in history[: len(history) // length * length]]


def create_tensors(memory: Any) -> None:
    assert memory.create_tensor("floats", size=2)
    assert memory.create_tensor("grid", size=(2, 3), dtype=torch.int64, keep_dimensions=True)
    assert memory.create_tensor("even", size=1, dtype=torch.bool)


def samples(numbers: list[int]) -> dict[str, Any]:
    """Samples that tell their number in every tensor."""
    n = torch.tensor(numbers)
    return {
        "floats": torch.stack([n / 3, -n / 3], 1),
        "grid": n[:, None, None] * 10 + torch.arange(6).view(2, 3),
        "even": n[:, None] % 2 == 0,
    }


def add(memory: Any, model: MemoryModel, count: int) -> None:
    memory.add_samples(**samples(model.record(count)))


def numbers_in(batch: list[Any]) -> list[int]:
    """The numbers of sampled `floats, grid, even`, which must all tell the same."""
    floats, grid, even = batch
    numbers = (grid[:, 0, 0] // 10).tolist()
    expected = samples(numbers)
    assert torch.equal(floats, expected["floats"].view(-1, 2).to(floats))
    assert torch.equal(grid, expected["grid"].view(-1, 2, 3))
    assert torch.equal(even, expected["even"].view(-1, 1))
    return list(numbers)


NAMES = ("floats", "grid", "even")


def same_bits(ours: Any, theirs: Any) -> bool:
    """Whether tensors are of one type and shape, and hold the same bits: NaN is NaN, 0 is not -0."""
    return ours.shape == theirs.shape and ours.dtype == theirs.dtype and bytes_of(ours) == bytes_of(theirs)


def bytes_of(tensor: Any) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return bytes(flat.view(torch.uint8).numpy().tobytes())


def content(memory: Any) -> tuple[Any, ...]:
    """All that a memory holds, to be compared with later."""
    tensors = {name: bytes_of(memory.get_tensor_by_name(name)) for name in memory.get_tensor_names()}
    return tensors, memory.memory_index, memory.env_index, memory.filled
