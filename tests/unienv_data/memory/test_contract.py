"""Both classes have every method of the documented contract, with its parameters, and each does something."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch

from unienv_data.memory import Memory, RandomMemory

REQUIRED = object()
INIT = {
    "memory_size": REQUIRED,
    "num_envs": 1,
    "device": None,
    "export": False,
    "export_format": "pt",
    "export_directory": "",
}
METHODS: dict[str, dict[str, Any]] = {
    "share_memory": {},
    "get_tensor_names": {},
    "get_tensor_by_name": {"name": REQUIRED, "keepdim": True},
    "set_tensor_by_name": {"name": REQUIRED, "tensor": REQUIRED},
    "create_tensor": {"name": REQUIRED, "size": REQUIRED, "dtype": None, "keep_dimensions": False},
    "reset": {},
    "sample": {"names": REQUIRED, "batch_size": REQUIRED, "mini_batches": 1, "sequence_length": 1},
    "sample_by_index": {"names": REQUIRED, "indexes": REQUIRED, "mini_batches": 1},
    "sample_all": {"names": REQUIRED, "mini_batches": 1, "sequence_length": 1},
    "get_sampling_indexes": {},
    "save": {"directory": "", "format": "pt"},
    "load": {"path": REQUIRED},
}


def accepts(function: Any, documented: dict[str, Any]) -> None:
    parameters = dict(inspect.signature(function).parameters)
    parameters.pop("self", None)
    positional = [p for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [p.name for p in positional] == list(documented)
    for parameter in positional:
        default = REQUIRED if parameter.default is parameter.empty else parameter.default
        assert default == documented[parameter.name]
    assert all(p.default is not p.empty for p in parameters.values() if p.kind is p.KEYWORD_ONLY)


@pytest.mark.parametrize("kind", [Memory, RandomMemory])
def test_parameters(kind: Any) -> None:
    accepts(kind, INIT if kind is Memory else {**INIT, "replacement": True})
    for name, documented in METHODS.items():
        accepts(getattr(kind, name), documented)
    assert [p.kind for p in inspect.signature(kind(1).add_samples).parameters.values()] == [
        inspect.Parameter.VAR_KEYWORD
    ]
    assert issubclass(RandomMemory, Memory)


@pytest.mark.parametrize("kind", [Memory, RandomMemory])
def test_every_method_by_position(tmp_path: Path, kind: Any) -> None:
    memory = kind(3, 2, "cpu", True, "np", str(tmp_path))
    assert memory.create_tensor("states", (2, 2), torch.float64, True) is True
    assert memory.create_tensor("rewards", 1) is True
    assert memory.get_tensor_names() == ("rewards", "states")
    assert memory.get_sampling_indexes() is None
    for step in range(4):
        memory.add_samples(states=torch.full((2, 2, 2), step), rewards=torch.full((2, 1), step))
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]
    assert memory.get_tensor_by_name("rewards", False).flatten().tolist() == [3, 3, 1, 1, 2, 2]
    memory.set_tensor_by_name("rewards", torch.arange(6).view(3, 2, 1))
    [[rewards, states]] = memory.sample_by_index(("rewards", "states"), (4, 1))
    assert (rewards.tolist(), states.shape, states.dtype) == ([[4], [1]], (2, 2, 2), torch.float64)
    batches = memory.sample_all(["rewards"], 2, 3)
    assert [batch[0].flatten().tolist() for batch in batches] == [[2, 4, 0], [3, 5, 1]]
    assert memory.get_sampling_indexes().tolist() == [2, 4, 0, 3, 5, 1]
    memory.share_memory()
    path = memory.save(str(tmp_path / "saved"), "csv")
    memory.set_tensor_by_name("rewards", torch.zeros(1))
    assert memory.reset() is None
    assert len(memory) == 0
    assert memory.load(path) is None
    assert len(memory) == 6
    assert memory.get_tensor_by_name("rewards").flatten().tolist() == [0, 1, 2, 3, 4, 5]


def test_sampling_is_for_subclasses() -> None:
    memory = Memory(3, device="cpu")
    with pytest.raises(NotImplementedError, match="use RandomMemory, or implement sample"):
        memory.sample(["states"], 2, 1, 1)

    class Newest(Memory):
        def sample(self, names: Any, batch_size: int, mini_batches: int = 1, sequence_length: int = 1) -> Any:
            newest = self.memory_index * self.num_envs - 1
            return self.sample_by_index(names, [newest] * batch_size, mini_batches)

    newest = Newest(3, device="cpu")
    newest.create_tensor("states", 1)
    newest.add_samples(states=torch.tensor([[4.0], [5.0]]))
    assert newest.sample(["states"], 2)[0][0].tolist() == [[5], [5]]
