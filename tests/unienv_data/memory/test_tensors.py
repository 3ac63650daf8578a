"""Tensors: created by all that says their size, set, and addressed."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import requires_gymnasium
from tests.unienv_data.memory.model import MemoryModel, add, content, create_tensors
from unienv_data.errors import PathError, SpaceError, SpaceValueError
from unienv_data.memory import Memory, RandomMemory
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import (
    BinarySpace,
    BoxSpace,
    DictSpace,
    GraphSpace,
    TextSpace,
    TupleSpace,
)

BOX = BoxSpace(B, -1, 1, B.float32, shape=(2, 3))
BINARY = BinarySpace(B, (4,))


def shape_of(size: Any, keep_dimensions: bool = False) -> tuple[int, ...]:
    memory = Memory(5, 2, "cpu")
    assert memory.create_tensor("x", size, keep_dimensions=keep_dimensions)
    shape = tuple(memory.get_tensor_by_name("x").shape)
    assert shape[:2] == (5, 2)
    return shape[2:]


@pytest.mark.parametrize(
    ("size", "elements", "kept"),
    [
        (4, 4, (4,)),
        (np.int64(4), 4, (4,)),
        ((2, 3), 6, (2, 3)),
        ([2, 3, 1], 6, (2, 3, 1)),
        ((), 1, ()),
        (torch.Size([2, 3]), 6, (2, 3)),
        (BOX, 6, (2, 3)),
        (BINARY, 4, (4,)),
        (BoxSpace(B, 0, 1, B.float64, shape=()), 1, ()),
        (DictSpace(B, {"a": BOX, "b": TupleSpace(B, [BINARY, BOX])}), 16, None),
        (TextSpace(B, 5, charset="abc"), 5, None),
    ],
)
def test_sizes(size: Any, elements: int, kept: tuple[int, ...] | None) -> None:
    assert shape_of(size) == (elements,)
    if kept is not None:
        assert shape_of(size, keep_dimensions=True) == kept
    else:
        with pytest.raises(SpaceError, match="keep_dimensions"):
            shape_of(size, keep_dimensions=True)


@requires_gymnasium
def test_gymnasium_spaces() -> None:
    from gymnasium import spaces

    class MyBox(spaces.Box):
        pass

    box = MyBox(-1, 1, (2, 3))
    parts = {"a": box, "b": spaces.Tuple([spaces.Discrete(9), spaces.MultiBinary(3)])}
    for size, elements, kept in (
        (box, 6, (2, 3)),
        (spaces.Discrete(7), 1, (1,)),
        (spaces.MultiDiscrete([2, 3, 4]), 3, (3,)),
        (spaces.MultiBinary((2, 2)), 4, (2, 2)),
        (spaces.Dict(parts), 10, None),
    ):
        assert shape_of(size) == (elements,)
        if kept is not None:
            assert shape_of(size, keep_dimensions=True) == kept
    for other in (spaces.Text(3), spaces.Sequence(box), spaces.Dict({"a": spaces.Text(3)})):
        with pytest.raises(SpaceError, match="size: expected"):
            shape_of(other)
    with pytest.raises(SpaceError, match="keep_dimensions"):
        shape_of(spaces.Dict(parts), keep_dimensions=True)


def test_spaces_of_gym_are_known_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """gym itself, which is not kept up, need not be installed."""
    space = type("Space", (), {"__module__": "gym.spaces.space"})
    box = type("Box", (space,), {"__module__": "gym.spaces.box", "shape": (2, 2)})()
    discrete = type("Discrete", (space,), {"__module__": "gym.spaces.discrete", "shape": ()})()
    together = type(
        "Dict", (space,), {"__module__": "gym.spaces.dict", "spaces": {"a": box, "b": discrete}}
    )()
    assert shape_of(box, keep_dimensions=True) == (2, 2)
    assert shape_of(discrete) == (1,)
    assert shape_of(together) == (5,)


@pytest.mark.parametrize(
    "size",
    [
        0,
        -1,
        2.5,
        None,
        "4",
        (2, 0),
        (2, "3"),
        {"a": 1},
        DictSpace(B, {}),
        GraphSpace(B, None, None),
    ],
)
def test_other_sizes_are_refused(size: Any) -> None:
    memory = Memory(5, 2, "cpu")
    with pytest.raises(SpaceError, match="size: "):
        memory.create_tensor("x", size)
    assert memory.get_tensor_names() == ()


@pytest.mark.parametrize("name", [3, "", "1st", "a.b", "a b", "class", "memory.header"])
def test_names_are_identifiers(name: Any) -> None:
    with pytest.raises(SpaceError, match="name: expected a Python identifier"):
        Memory(2, device="cpu").create_tensor(name, 1)


def test_types() -> None:
    memory = Memory(2, device="cpu")
    memory.create_tensor("default", 1)
    memory.create_tensor("truth", 1, torch.bool)
    assert memory.get_tensor_by_name("default").dtype == torch.get_default_dtype()
    assert memory.get_tensor_by_name("default").isnan().all()
    assert not memory.get_tensor_by_name("truth").any()
    for dtype in (torch.complex64, torch.qint8):
        with pytest.raises(SpaceError, match="dtype: expected one of"):
            memory.create_tensor("other", 1, dtype)
    assert memory.get_tensor_names() == ("default", "truth")


def test_creating_again() -> None:
    memory, model = Memory(3, 2, "cpu"), MemoryModel(3, 2)
    create_tensors(memory)
    add(memory, model, 2)
    before = content(memory)
    assert memory.create_tensor("floats", 2) is False
    assert memory.create_tensor("grid", (2, 3), torch.int64, keep_dimensions=True) is False
    for size, dtype in ((3, torch.float32), (2, torch.float64)):
        with pytest.raises(
            SpaceError, match=r"floats: there is a tensor of this name already, float32 of shape \(2,\)"
        ):
            memory.create_tensor("floats", size, dtype)
    with pytest.raises(SpaceError, match="grid"):
        memory.create_tensor("grid", (2, 3), torch.int64)
    assert content(memory) == before
    memory.create_tensor("another", 1)
    assert {**content(memory)[0], "another": None} == {**before[0], "another": None}


def test_names_and_shapes() -> None:
    memory = Memory(3, 2, "cpu")
    create_tensors(memory)
    assert memory.get_tensor_names() == ("even", "floats", "grid")
    assert memory.get_tensor_by_name("grid").shape == (3, 2, 2, 3)
    assert memory.get_tensor_by_name("grid", keepdim=False).shape == (6, 2, 3)
    assert memory._tensor_grid is memory.get_tensor_by_name("grid")
    assert not hasattr(memory, "_tensor_other")
    assert not hasattr(memory, "other")
    for look in (memory.get_tensor_by_name, lambda name: memory.set_tensor_by_name(name, torch.zeros(1))):
        with pytest.raises(PathError, match="there is no tensor 'other'"):
            look("other")
        with pytest.raises(KeyError):
            look("other")


def test_setting() -> None:
    memory = Memory(3, 2, "cpu")
    memory.create_tensor("x", 2)
    tensor = memory.get_tensor_by_name("x")
    whole = torch.arange(12.0).view(3, 2, 2)
    memory.set_tensor_by_name("x", whole)
    assert torch.equal(tensor, whole)
    memory.set_tensor_by_name("x", whole.view(6, 2).numpy() + 1)
    assert torch.equal(tensor, whole + 1)
    memory.set_tensor_by_name("x", whole.transpose(0, 1).contiguous().transpose(0, 1).requires_grad_())
    assert torch.equal(tensor, whole)
    assert not tensor.requires_grad
    memory.set_tensor_by_name("x", torch.tensor([5, 6]))
    assert torch.equal(tensor, torch.tensor([5.0, 6.0]).expand(3, 2, 2))
    memory.set_tensor_by_name("x", 7)
    assert (tensor == 7).all()
    assert (len(memory), memory.get_tensor_by_name("x") is tensor) == (0, True)
    for wrong in (
        torch.zeros(3),
        torch.zeros(2, 3, 2),
        torch.zeros(1, 3, 2, 2),
        "text",
        torch.zeros(2, dtype=torch.cfloat),
    ):
        with pytest.raises(SpaceValueError, match="x: expected"):
            memory.set_tensor_by_name("x", wrong)
        assert (tensor == 7).all()


@pytest.mark.parametrize("attribute", ["running_mean", "mean_", "mean"])
def test_setting_by_a_scaler(attribute: str) -> None:
    memory = Memory(3, 2, "cpu")
    memory.create_tensor("x", 2)
    scaler = types.SimpleNamespace(**{attribute: torch.tensor([3.0, 4.0], dtype=torch.float64), "count": 9})
    memory.set_tensor_by_name("x", scaler)
    assert torch.equal(memory.get_tensor_by_name("x"), torch.tensor([3.0, 4.0]).expand(3, 2, 2))


def test_setting_by_a_scaler_that_is_a_module() -> None:
    memory = Memory(3, 2, "cpu")
    memory.create_tensor("x", 2)
    scaler = torch.nn.BatchNorm1d(2)
    scaler(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))
    memory.set_tensor_by_name("x", scaler)
    assert scaler.running_mean is not None
    assert torch.equal(memory.get_tensor_by_name("x")[2, 1], scaler.running_mean)
    assert bool(memory.get_tensor_by_name("x").any())


@pytest.mark.parametrize("kind", [Memory, RandomMemory])
def test_devices(kind: Any) -> None:
    expected = "cuda:0" if torch.cuda.is_available() else "cpu"
    assert kind(2).device == torch.device(expected)
    assert kind(2, device=torch.device("cpu")).device == torch.device("cpu")
    memory = kind(2, device="meta")
    memory.create_tensor("x", 1)
    assert memory.get_tensor_by_name("x").device.type == "meta"
    with pytest.raises(SpaceError, match="device: expected"):
        kind(2, device="no such device")


@pytest.mark.parametrize("sizes", [(0, 1), (3, 0), (-1, 1), (1.5, 1), ("3", 1), (3, None)])
def test_sizes_of_memories(sizes: tuple[Any, Any]) -> None:
    with pytest.raises(SpaceValueError, match=r"(memory_size|num_envs): expected an integer of at least 1"):
        Memory(*sizes)
